import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { WorkerCalls } from '../../src/record/worker-calls.ts'

interface Methods {
  readonly echo: { readonly argument: string; readonly answer: string }
  readonly fail: { readonly argument: undefined; readonly answer: never }
  readonly die: { readonly argument: undefined; readonly answer: never }
  readonly hang: { readonly argument: undefined; readonly answer: never }
}

const PROGRAM = `
  import { parentPort } from 'node:worker_threads'
  import { answerCalls } from '${new URL('../../src/record/worker-answers.ts', import.meta.url).href}'
  const variables = () => Object.keys(process.env).filter(name => name !== 'NODE_COMPILE_CACHE')
  const methods = {
    echo: text => text + ' with ' + variables().length + ' variables',
    fail: () => { throw new Error('no') },
    die: () => { process.exit(3) },
    hang: () => { for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0) },
  }
  answerCalls(parentPort, (method, argument) => methods[method](argument), () => undefined)`

function start(t: TestContext, maxOpen?: number): WorkerCalls<Methods> {
  const calls = new WorkerCalls<Methods>({
    file: new URL(`data:text/javascript,${encodeURIComponent(PROGRAM)}`),
    name: 'test',
    data: undefined,
    closeMs: 100,
    ...(maxOpen !== undefined && { maxOpen }),
  })
  t.after(() => calls[Symbol.asyncDispose]())
  return calls
}

test('each question has its own answer, and the thread sees nothing of the environment', async t => {
  const calls = start(t)
  const answers = await Promise.all([calls.call('echo', 'a'), calls.call('echo', 'b')])
  assert.deepEqual(answers, ['a with 0 variables', 'b with 0 variables'])
})

test('a handler that throws fails its question and no other', async t => {
  const calls = start(t)
  await assert.rejects(calls.call('fail', undefined), { message: 'no' })
  assert.match(await calls.call('echo', 'still here'), /^still here/)
})

test('a thread that dies fails what is open and is started again, a second later', async t => {
  const calls = start(t)
  await assert.rejects(calls.call('die', undefined), { message: 'the thread ended' })
  await assert.rejects(calls.call('echo', 'at once'), { message: 'the thread ended' })
  await delay(1100)
  assert.match(await calls.call('echo', 'again'), /^again/)
})

test('too many open questions are refused, and closing does not wait for a thread that hangs', async t => {
  const calls = start(t, 2)
  const open = [calls.call('hang', undefined), calls.call('echo', '2')].map(call =>
    call.catch((error: Error) => error.message),
  )
  await assert.rejects(calls.call('echo', '3'), { message: 'too many questions at a time' })
  await calls[Symbol.asyncDispose]()
  assert.deepEqual(await Promise.all(open), ['the thread ended', 'the thread ended'])
  await assert.rejects(calls.call('echo', '4'), { message: 'the books are closed' })
})
