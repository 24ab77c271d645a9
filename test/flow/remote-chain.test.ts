import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { headerValues } from '../../src/kernel/headers.ts'
import { PLACEHOLDER_KEY } from '../../src/kernel/provider.ts'
import { databaseFile, openDatabase } from '../../src/record/database.ts'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { CODER_TOKEN, remoteEnv, startDeployment } from '../support/deployment.ts'
import { type Provider, startProvider } from '../support/provider.ts'
import { connectRaw, connectThrough, readHead } from '../support/raw-client.ts'
import {
  ANTHROPIC,
  ANTHROPIC_KEY,
  MESSAGE,
  OPENAI,
  OPENAI_KEY,
  openIntercepted,
  startAiDaemon,
} from './ai-world.ts'
import { createCaller, type TestCaller } from './callers.ts'
import { rowOf } from './rows.ts'
import { exchangeOn, get, post, readAnswer } from './wire.ts'

const HOST = 'api.anthropic.com'

/** The first has no keys and no users; both are the second's. */
let provider: Provider
let second: TestDaemon
let first: TestDaemon
let caller: TestCaller
const opened = new AsyncDisposableStack()

before(async () => {
  provider = opened.use(await startProvider({ gapMs: 1 }))
  second = opened.use(await startAiDaemon(provider.url))
  caller = createCaller(second)
  const url = `http://127.0.0.1:${second.api.port}`
  first = opened.use(await startTestDaemon({ env: remoteEnv(url) }))
})
after(() => opened.disposeAsync())

const open = (authority = ANTHROPIC) =>
  openIntercepted(first, { authority, connect: { credentials: caller.credentials } })

describe('two daemons in a chain', () => {
  it('put the key of the second in, and keep the token from the provider', async () => {
    const socket = await open()
    for (const key of [PLACEHOLDER_KEY, caller.token]) {
      const request = post('/v1/messages?beta=true', HOST, MESSAGE, [`X-Api-Key: ${key}`])
      const answer = await exchangeOn(socket, request)
      assert.match(answer.text, /message_stop/)
    }
    socket.destroy()
    const exchange = provider.exchanges.at(-1)
    assert.equal(exchange?.path, '/v1/messages?beta=true')
    assert.equal(exchange.request.text, MESSAGE)
    assert.deepEqual(headerValues(exchange.rawHeaders, 'x-api-key'), [ANTHROPIC_KEY])
    assert.deepEqual(headerValues(exchange.rawHeaders, 'authorization'), [])
    assert.ok(!exchange.rawHeaders.some(text => /coder|governance/i.test(text)))
    assert.ok(!provider.sawInHeaders(caller.token))
  })

  it('have one user, and one row, which is in the books of the second', async () => {
    const there = await first.event('call_ended')
    assert.equal(there.user, 'bob')
    const { callId, connectId } = await second.event('call_ended')
    assert.equal(connectId, there.callId, 'the two logs meet')
    const row = await rowOf({ daemon: second }, callId)
    assert.deepEqual([row.user, row.provider, row.status], ['bob', 'anthropic', 'completed'])
    assert.equal(await first.ask('countCalls', {}), 0)
  })

  it("let the client's own key through", async () => {
    const socket = await open()
    const own = 'X-Api-Key: sk-mine-0123456789'
    await exchangeOn(socket, post('/v1/messages', HOST, MESSAGE, [own]))
    socket.destroy()
    const exchange = provider.exchanges.at(-1)
    assert.deepEqual(headerValues(exchange?.rawHeaders ?? [], 'x-api-key'), ['sk-mine-0123456789'])
    const ended = await second.event('call_ended', ({ credential }) => credential === 'byok')
    assert.equal(ended.user, 'bob')
  })

  it('refuse whom the second does not know', async () => {
    const stranger = `eve:${caller.token.slice(0, -2)}xx`
    const { head, socket } = await connectThrough(first.proxy, ANTHROPIC, { credentials: stranger })
    socket.destroy()
    assert.equal(head.status, 407)
  })

  it('stream as the provider writes, and break off with the client within a second', async () => {
    provider.script(() => ({ stallAfter: 3 }))
    const arriving = provider.nextExchange()
    const socket = await open()
    socket.write(post('/v1/messages', HOST, MESSAGE))
    const exchange = await arriving
    await readHead(socket)
    const [seen] = await once(socket, 'data')
    assert.match(String(seen), /message_start/)
    assert.equal(exchange.outcome, 'open')
    const left = performance.now()
    socket.destroy()
    await provider.ended(exchange)
    assert.ok(performance.now() - left < 1000)
    provider.script(() => ({}))
  })

  it('carry WebSockets', async () => {
    const socket = await open(OPENAI)
    const webSocket = new WebSocket('wss://api.openai.com/v1/responses', {
      createConnection: () => socket,
    })
    await once(webSocket, 'open')
    webSocket.send(JSON.stringify({ type: 'response.create', model: 'm', input: 'x' }))
    assert.match(String((await once(webSocket, 'message'))[0]), /response/)
    const exchange = provider.exchanges.at(-1)
    assert.deepEqual(headerValues(exchange?.rawHeaders ?? [], 'authorization'), [
      `Bearer ${OPENAI_KEY}`,
    ])
    webSocket.terminate()
  })

  it('pass the refusals of the second on', async () => {
    const socket = await open()
    const answer = await exchangeOn(socket, get('/v1/messages', 'api.anthropic.com'))
    socket.destroy()
    assert.equal(answer.status, provider.exchanges.at(-1)?.status)
  })
})

describe('two daemons that point at each other', () => {
  it('end a call, and a question about a token, where it comes back', async () => {
    await using there = await startTestDaemon({ env: remoteEnv('http://127.0.0.1:1') })
    await using here = await startTestDaemon({
      env: remoteEnv(`http://127.0.0.1:${there.api.port}`),
    })
    await there.reload(remoteEnv(`http://127.0.0.1:${here.api.port}`))

    // Both know the caller, as with a database that they share.
    const known = createCaller(here)
    shareTokens(here, there)
    const socket = await openIntercepted(here, { connect: { credentials: known.credentials } })
    const answer = await exchangeOn(socket, post('/v1/messages', HOST, MESSAGE))
    socket.destroy()
    assert.deepEqual([answer.status, answer.head.header('x-aibridge-reason')], [508, 'bridge_loop'])
    const calls = [here, there].map(({ events }) =>
      events.flatMap(event => (event.type === 'call_ended' ? [event.reason] : [])),
    )
    assert.deepEqual(calls, [['bridge_loop', undefined], [undefined]])

    const asked = performance.now()
    const stranger = `eve:${known.token.slice(0, -2)}xx`
    const { head, socket: refused } = await connectThrough(here.proxy, ANTHROPIC, {
      credentials: stranger,
    })
    refused.destroy()
    assert.equal(head.status, 503)
    assert.ok(performance.now() - asked < 2000)
  })
})

/** Copies the tokens of one daemon to another. */
function shareTokens(from: TestDaemon, to: TestDaemon): void {
  using database = openDatabase(to.stateDir)
  database.prepare('ATTACH ? AS other').run(databaseFile(from.stateDir))
  database.exec('INSERT INTO main.tokens SELECT * FROM other.tokens')
}

describe('base-URL routes in remote mode', () => {
  it("take the deployment's tokens, and go to it by the name of the plan", async () => {
    await using deployment = await startDeployment({ bridge: () => ({ pieces: ['{}'] }) })
    await using daemon = await startTestDaemon({ env: deployment.env })
    const ask = async (path: string, ...headers: readonly string[]) => {
      const socket = await connectRaw(daemon.api)
      socket.write(post(`/api/v2/aibridge/${path}`, '127.0.0.1', '{}', headers))
      const answer = await readAnswer(socket)
      socket.destroy()
      return answer
    }
    const token = `Authorization: Bearer ${CODER_TOKEN}`
    for (const path of ['anthropic/v1/messages', 'copilot-business/responses']) {
      assert.equal((await ask(path, token)).status, 200, path)
      assert.equal(deployment.calls.at(-1)?.path, `/api/v2/aibridge/${path}`)
    }
    const unknown = await ask('anthropic/v1/messages')
    assert.deepEqual(
      [unknown.status, JSON.parse(unknown.text).error.type],
      [401, 'authentication_error'],
    )
    assert.equal((await ask('nobody/v1/messages', token)).status, 404)
  })
})
