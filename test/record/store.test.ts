import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Secret } from '../../src/kernel/secret.ts'
import { databaseFile, openDatabase } from '../../src/record/database.ts'
import type { StoreOptions } from '../../src/record/store.ts'
import { Store } from '../../src/record/store.ts'
import { generateToken } from '../../src/record/tokens.ts'
import { standStill } from '../support/stand-still.ts'
import { createToken, HOUR, revokeToken, temporaryDirectory } from './support.ts'

async function openStore(t: TestContext, options: StoreOptions): Promise<Store> {
  const store = await Store.open(options)
  t.after(() => store[Symbol.asyncDispose]())
  return store
}

const wanted = (user: string) => ({
  user,
  name: '',
  admin: false,
  createdAt: Date.now(),
  expiresAt: undefined,
})

/** The command, in a process of its own. */
async function cli(stateDir: string, ...args: string[]): Promise<string> {
  const code = `
    import { runToken } from '${new URL('../../src/cli/token.ts', import.meta.url).href}'
    const [stateDir, ...args] = process.argv.slice(1)
    process.exitCode = await runToken(args, process, { stateDir })`
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', code, '--', stateDir, ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  child.stderr.resume()
  const [status] = await once(child, 'close')
  assert.equal(status, 0)
  return text.trim()
}

async function eventually(limitMs: number, holds: () => Promise<boolean>): Promise<number> {
  const start = performance.now()
  while (!(await holds())) {
    if (performance.now() - start > limitMs) assert.fail(`not within ${limitMs} ms`)
    await delay(10)
  }
  return performance.now() - start
}

test('a token that another process creates works at once', async t => {
  const stateDir = temporaryDirectory(t)
  const store = await openStore(t, { stateDir })
  const token = await cli(stateDir, 'create', '--user', 'ada', '--admin')
  const { identity } = (await store.authenticate(token)) ?? {}
  assert.equal(identity?.user, 'ada')
  assert.equal(identity?.admin, true)
})

test('a token that another process revokes stops working within a second', async t => {
  const stateDir = temporaryDirectory(t)
  const store = await openStore(t, { stateDir })
  const token = await cli(stateDir, 'create', '--user', 'ada')
  const id = (await store.authenticate(token))?.identity.tokenId ?? ''
  await cli(stateDir, 'revoke', id)
  await eventually(1000, async () => (await store.authenticate(token)) === undefined)
})

test('who asks is not refused for a moment in which the process stood still', async t => {
  const store = await openStore(t, { stateDir: temporaryDirectory(t), timeoutMs: 20 })
  const asked = store.authenticate(generateToken().reveal())
  setImmediate(standStill, 200)
  assert.equal(await asked, undefined)
})

test('what was committed before the question is in the answer, however many ask', async t => {
  const stateDir = temporaryDirectory(t)
  const store = await openStore(t, { stateDir, pollMs: 60_000 })
  using database = openDatabase(stateDir)
  const asked = Array.from({ length: 200 }, async (_, index) => {
    const { token } = createToken(database, wanted(`user-${index}`))
    return (await store.authenticate(token.reveal()))?.identity.user
  })
  const users = await Promise.all(asked)
  assert.deepEqual(
    users,
    users.map((_, index) => `user-${index}`),
  )
})

test('a token expires while the store holds it', async t => {
  const stateDir = temporaryDirectory(t)
  let now = Date.now()
  using database = openDatabase(stateDir)
  const { token } = createToken(database, { ...wanted('ada'), expiresAt: now + HOUR })
  const clock = { now: () => now, monotonic: () => performance.now() }
  const store = await openStore(t, { stateDir, clock })
  assert.equal((await store.authenticate(token.reveal()))?.identity.user, 'ada')
  now += HOUR
  assert.equal(await store.authenticate(token.reveal()), undefined)
})

test('an unknown token, and what is no token at all, belong to nobody', async t => {
  const store = await openStore(t, { stateDir: temporaryDirectory(t) })
  for (const token of [generateToken().reveal(), '', 'x'.repeat(1_000_000), 'sk-ant-api03']) {
    assert.equal(await store.authenticate(token), undefined)
  }
})

test('extra tokens work without being in the database', async t => {
  const token = generateToken()
  const identity = { user: 'child', tokenId: 'run', admin: false }
  const store = await openStore(t, {
    stateDir: temporaryDirectory(t),
    extraTokens: [{ token, identity }],
  })
  assert.deepEqual((await store.authenticate(token.reveal()))?.identity, identity)
})

test('beyond 1,024 waiting callers the store says that it cannot tell', async t => {
  const store = await openStore(t, { stateDir: temporaryDirectory(t) })
  const answers = await Promise.allSettled(
    Array.from({ length: 1030 }, () => store.authenticate(generateToken().reveal())),
  )
  const refused = answers.filter(answer => answer.status === 'rejected')
  assert.equal(refused.length, 6)
  for (const { reason } of refused) assert.equal(reason.reason, 'auth_unavailable')
})

test('a database that cannot be used refuses the start', async t => {
  const stateDir = temporaryDirectory(t)
  writeFileSync(databaseFile(stateDir), 'x'.repeat(5000))
  await assert.rejects(Store.open({ stateDir }), {
    name: 'ConfigurationError',
    message: /aibridgeproxyd\.db: it is not a database/,
  })
})

test('the deployment id is the one in the database', async t => {
  const stateDir = temporaryDirectory(t)
  const first = await openStore(t, { stateDir })
  const second = await openStore(t, { stateDir })
  assert.match(first.deploymentId, /^[0-9a-f-]{36}$/)
  assert.equal(first.deploymentId, second.deploymentId)
})

test('a dead thread is replaced once, and the callers stay known', async t => {
  const deaths: (readonly [string, boolean])[] = []
  const token = generateToken()
  const worker = dyingWorker(token)
  const died = Promise.withResolvers<void>()
  const store = await openStore(t, {
    stateDir: temporaryDirectory(t),
    worker,
    onDeath: (problem, restarted) => {
      deaths.push([problem, restarted])
      if (!restarted) died.resolve()
    },
  })
  const unknown = generateToken().reveal()
  await assert.rejects(store.authenticate(unknown), { reason: 'auth_unavailable' })
  assert.equal(store.available, true)
  assert.equal((await store.authenticate(token.reveal()))?.identity.user, 'ada')

  await assert.rejects(store.authenticate(unknown), { reason: 'auth_unavailable' })
  await died.promise
  assert.equal(store.available, false)
  assert.deepEqual(deaths, [
    ['boom', true],
    ['boom', false],
  ])
  await assert.rejects(store.authenticate(unknown), { reason: 'auth_unavailable' })
})

test('a thread that hangs makes the store unavailable, and closing does not wait for it', async t => {
  const token = generateToken()
  const worker = hungWorker(token)
  let skew = 0
  const clock = { now: () => Date.now(), monotonic: () => performance.now() + skew }
  const stateDir = temporaryDirectory(t)
  const store = await openStore(t, { stateDir, worker, timeoutMs: 50, clock })
  assert.equal(store.available, true)
  await assert.rejects(store.authenticate(generateToken().reveal()), {
    reason: 'auth_unavailable',
    message: /did not answer in time/,
  })
  // Once nothing has confirmed the tokens for a while, the known one is not believed either.
  assert.equal((await store.authenticate(token.reveal()))?.identity.user, 'ada')
  skew = 10_000
  await assert.rejects(store.authenticate(token.reveal()), { reason: 'auth_unavailable' })
  assert.equal(store.available, false)
})

test('who watches the store is told that it fails, and that it is back, though nobody asks it', async t => {
  let skew = 0
  const clock = { now: () => Date.now(), monotonic: () => performance.now() + skew }
  const states: (string | undefined)[] = []
  const store = await openStore(t, {
    stateDir: temporaryDirectory(t),
    worker: program(
      generateToken(),
      "parentPort.postMessage({ type: 'checked', id: undefined })",
      "parentPort.postMessage({ type: 'failed', id: undefined, problem: 'the server is gone' })",
    ),
    clock,
    watchMs: 5,
    timeoutMs: 50,
    onState: problem => states.push(problem),
  })
  skew = 10_000
  await eventually(2000, async () => states.length === 1)
  await store.authenticate(generateToken().reveal()).catch(() => undefined)
  await eventually(2000, async () => states.length === 2)
  assert.deepEqual(states, ['the server is gone', undefined])
})

test('closing leaves nothing behind and may be repeated', async t => {
  const stateDir = temporaryDirectory(t)
  const store = await Store.open({ stateDir })
  await store[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
  await assert.rejects(store.authenticate(generateToken().reveal()), { reason: 'auth_unavailable' })
})

test('revocation is seen by a store that nobody asks in the meantime', async t => {
  const stateDir = temporaryDirectory(t)
  using database = openDatabase(stateDir)
  const { token, id } = createToken(database, wanted('ada'))
  const store = await openStore(t, { stateDir, pollMs: 20 })
  assert.ok(await store.authenticate(token.reveal()))
  revokeToken(database, id, Date.now())
  const ms = await eventually(1000, async () => !(await store.authenticate(token.reveal())))
  t.diagnostic(`seen after ${ms.toFixed(0)} ms`)
})

function dyingWorker(token: Secret): URL {
  return program(token, `throw new Error('boom')`)
}

function hungWorker(token: Secret): URL {
  return program(token, 'for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)')
}

/** A thread that is ready, knows one token, says what is left to say, and does this when it is asked. */
function program(token: Secret, whenAsked: string, then = ''): URL {
  const tokensModule = new URL('../../src/record/tokens.ts', import.meta.url).href
  const code = `
    import { parentPort } from 'node:worker_threads'
    import { hashToken } from '${tokensModule}'
    const hash = hashToken('${token.reveal()}')
    const identity = { user: 'ada', tokenId: 'a', admin: false }
    parentPort.postMessage({ type: 'tokens', tokens: [{ hash, identity }] })
    parentPort.postMessage({ type: 'checked', id: undefined })
    parentPort.postMessage({ type: 'ready', deploymentId: 'x' })
    ${then}
    parentPort.on('message', () => { ${whenAsked} })`
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`)
}
