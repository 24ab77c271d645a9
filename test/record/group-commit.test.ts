import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../src/kernel/clock.ts'
import { Refusal } from '../../src/kernel/error.ts'
import type { RecordQueries } from '../../src/kernel/records.ts'
import type { BookStore, CommitOptions } from '../../src/record/book-store.ts'
import { EntryQueue } from '../../src/record/entry-queue.ts'
import { Recorder } from '../../src/record/recorder.ts'
import type { RecorderOptions } from '../../src/record/recorder-options.ts'
import { ended, intent, request, response, SETTINGS } from './books-support.ts'
import { ends } from './entries.ts'

/** A store that keeps nothing but the batches, and commits when told to. */
class Batches implements BookStore {
  readonly seen: CommitOptions[] = []
  readonly #waiting: (() => void)[] = []
  problem: string | undefined

  async commit(options: CommitOptions): ReturnType<BookStore['commit']> {
    this.seen.push(options)
    await new Promise<void>(resolve => this.#waiting.push(resolve))
    if (this.problem !== undefined) throw new Error(this.problem)
    return { refused: [], denied: [], exhausted: [], retrieved: [], lines: [] }
  }

  release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  async purge(): ReturnType<BookStore['purge']> {
    return { deleted: 0, more: false }
  }

  async closeDead(): Promise<number> {
    return 0
  }

  ask(_question: keyof RecordQueries, _argument: unknown): Promise<never> {
    return Promise.reject(new Error('not asked here'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release()
  }
}

async function open(
  options: Partial<RecorderOptions> = {},
): Promise<{ store: Batches; recorder: Recorder }> {
  const store = new Batches()
  const recorder = await Recorder.open({
    store,
    clock: systemClock,
    settings: () => SETTINGS,
    queueSize: 100,
    writeLine: () => undefined,
    onState: () => undefined,
    ...options,
  })
  return { store, recorder }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(() => setImmediate(resolve)))

test('all who begin in one turn share a transaction, and those who come during it the next', async () => {
  const { store, recorder } = await open()
  let begun = 0
  const begin = (): Promise<number> => recorder.begin(intent()).then(() => (begun += 1))
  const first = [begin(), begin(), begin()]
  await turn()
  assert.equal(store.seen.length, 1)
  assert.equal(store.seen[0]?.entries.length, 3)
  const second = [begin(), begin()]
  await turn()
  assert.equal(store.seen.length, 1, 'one transaction at a time')
  assert.equal(begun, 0, 'nobody goes on before the commit')
  store.release()
  await Promise.all(first)
  assert.equal(begun, 3)
  await turn()
  assert.equal(store.seen[1]?.entries.length, 2)
  store.release()
  await Promise.all(second)
})

test('what nobody waits for does not hold up a call, goes along with it, and keeps its order', async () => {
  const { store, recorder } = await open()
  const call = intent()
  recorder.request(call.callId, request())
  recorder.response(call.callId, response())
  recorder.finish(ended(call))
  await turn()
  assert.equal(store.seen.length, 0, 'it waits for company')
  void recorder.begin(intent())
  await turn()
  assert.deepEqual(
    store.seen[0]?.entries.map(({ type }) => type),
    ['begin', 'request', 'response', 'end'],
  )
  store.problem = 'disk full'
  store.release()
  store.problem = undefined
  await turn()
  store.release()
})

test('a batch that failed is written again, less the calls that were refused', async () => {
  const { store, recorder } = await open()
  const call = intent()
  recorder.finish(ended(call))
  const refused = recorder.begin(intent())
  await turn()
  store.problem = 'disk full'
  store.release()
  await assert.rejects(refused, { reason: 'accounting_unavailable', detail: 'disk full' })
  assert.equal(recorder.available, false)
  store.problem = undefined
  const flushed = recorder.flush()
  await turn()
  store.release()
  await flushed
  assert.deepEqual(
    store.seen.map(({ entries }) => entries.map(({ type }) => type)),
    [['begin', 'end'], ['end']],
  )
  assert.equal(recorder.available, true)
})

test('a store that hangs is told of, and nobody else waits for it until it answers', async () => {
  const states: (string | undefined)[] = []
  const told = Promise.withResolvers<void>()
  const { store, recorder } = await open({
    beginTimeoutMs: 30,
    onState: problem => {
      states.push(problem)
      told.resolve()
    },
  })
  const isRefused = { reason: 'accounting_unavailable' }
  await assert.rejects(recorder.begin(intent()), isRefused)
  await told.promise
  assert.equal(recorder.available, false)
  const first = await Promise.race([
    recorder.begin(intent()).catch((error: unknown) => error),
    new Promise(resolve => setImmediate(() => setImmediate(resolve))),
  ])
  assert.ok(first instanceof Refusal)
  assert.equal(store.seen.length, 1)

  store.release()
  while (!recorder.available) await turn()
  assert.deepEqual(states, ['the books did not answer in time', undefined])
  const begun = recorder.begin(intent())
  while (store.seen.length < 2) await turn()
  store.release()
  await begun
  await recorder[Symbol.asyncDispose]()
})

test('who asks much waits behind itself only, and for so many answers at a time', async () => {
  const asked: string[] = []
  const answers: (() => void)[] = []
  const store = new Batches()
  store.ask = async (_, { user }: { user?: string }) => {
    asked.push(user ?? '')
    await new Promise<void>(resolve => answers.push(resolve))
    return 0 as never
  }
  const { recorder } = await open({ store })
  const ask = (user: string) => recorder.ask('countCalls', { user }, user)
  const greedy = Array.from({ length: 17 }, () => ask('greedy'))
  await assert.rejects(greedy[16] ?? Promise.resolve(), { reason: 'overloaded' })
  const modest = ask('modest')
  await turn()
  assert.deepEqual(asked, ['greedy', 'greedy', 'modest'])
  const all = Promise.all([...greedy.slice(0, 16), modest])
  while (asked.length < 17 || answers.length > 0) {
    for (const resolve of answers.splice(0)) resolve()
    await turn()
  }
  await all
})

test('what waits to be written is bounded by its size, whatever it is', () => {
  const queue = new EntryQueue(1000, 64 * 1024)
  const call = intent({ path: `/${'x'.repeat(16 * 1024)}` })
  let taken = 0
  while (queue.push({ entry: ends(call) })) taken += 1
  assert.ok(taken > 4 && taken <= 8, `${taken}`)
})

test('long prompts leave room for what answers cost', () => {
  const queue = new EntryQueue(1000, 64 * 1024)
  const { callId } = intent()
  const place = { callId, at: 1, position: 1 }
  const facts = request({ prompt: 'x'.repeat(4096) })
  const asked = { ...place, type: 'request', first: true, facts } as const
  while (queue.push({ entry: asked }));
  const costs = { facts: response(), costNano: 1, isCharged: true }
  assert.ok(queue.push({ entry: { ...place, type: 'response', ...costs } }))
})
