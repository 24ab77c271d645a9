import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { firstHeader, headerValues } from '../../src/kernel/headers.ts'
import { PLACEHOLDER_KEY } from '../../src/kernel/provider.ts'
import { type ConnectProxy, startConnectProxy } from '../support/connect-proxy.ts'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { testPki } from '../support/pki.ts'
import { type Provider, startProvider } from '../support/provider.ts'
import type { Exchange } from '../support/provider-exchange.ts'
import { openIntercepted } from './ai-world.ts'
import { type Answer, exchangeOn, get, post } from './wire.ts'

const COPILOT = ['individual', 'business', 'enterprise'].map(
  plan => `api.${plan}.githubcopilot.com`,
)
const GEMINI = 'generativelanguage.googleapis.com'
const AZURE = 'corp.openai.azure.com'
const OTHER_AZURE = 'lab.openai.azure.com'
const GEMINI_KEY = 'AIza-central-0123456789'
const AZURE_KEY = 'azure-central-0123456789'
const LAB_KEY = 'azure-lab-0123456789'

/** Providers at their real names; an upstream proxy leads all of them to one stub. */
interface World extends AsyncDisposable {
  readonly daemon: TestDaemon
  readonly provider: Provider
  readonly proxy: ConnectProxy
}

async function startWorld(): Promise<World> {
  await using opened = new AsyncDisposableStack()
  const names = [...COPILOT, 'chatgpt.com', GEMINI, AZURE, OTHER_AZURE]
  const provider = opened.use(await startProvider({ gapMs: 1, names }))
  const proxy = opened.use(await startConnectProxy(provider.port))
  const entries: Record<string, string>[] = [
    { TYPE: 'copilot' },
    { TYPE: 'chatgpt' },
    { TYPE: 'google', KEY: GEMINI_KEY },
    { TYPE: 'azure', KEY: AZURE_KEY, BASE_URL: `https://${AZURE}/openai/v1` },
    { TYPE: 'azure', NAME: 'lab', KEY: LAB_KEY, BASE_URL: `https://${OTHER_AZURE}/openai` },
  ]
  const variables = entries.flatMap((entry, index) =>
    Object.entries({ ...entry, CA_FILE: testPki().certFile }).map(([name, value]) => [
      `CODER_AIBRIDGE_PROVIDER_${index}_${name}`,
      value,
    ]),
  )
  const env = { ...Object.fromEntries(variables), CODER_AIBRIDGE_PROXY_UPSTREAM: proxy.url }
  const daemon = opened.use(await startTestDaemon({ env }))
  const keep = opened.move()
  return { daemon, provider, proxy, [Symbol.asyncDispose]: () => keep.disposeAsync() }
}

let world: World
before(async () => {
  world = await startWorld()
})
after(() => world[Symbol.asyncDispose]())

/** One request to a host, on a connection of its own. */
async function ask(
  host: string,
  request: Buffer,
): Promise<{ answer: Answer; exchange: Exchange; target: string | undefined }> {
  const seen = world.provider.exchanges.length
  const socket = await openIntercepted(world.daemon, { authority: `${host}:443` })
  const answer = await exchangeOn(socket, request)
  socket.destroy()
  const exchange = world.provider.exchanges[seen]
  assert.ok(exchange, answer.text)
  return { answer, exchange, target: world.proxy.targets.at(-1) }
}

const ended = (path: string) => world.daemon.event('call_ended', event => event.path === path)
const bearer = 'Authorization: Bearer own-0123456789-abcdef'

describe('Copilot', () => {
  for (const host of COPILOT) {
    it(`is called at ${host} by clients of that plan, with their own bearer`, async () => {
      const body = JSON.stringify({ model: 'gpt-5', stream: true, messages: [] })
      const request = post('/chat/completions', host, body, [bearer])
      const { answer, exchange, target } = await ask(host, request)
      assert.equal(answer.status, 200)
      assert.equal(target, `${host}:443`)
      assert.equal(firstHeader(exchange.rawHeaders, 'host'), host)
      assert.equal(firstHeader(exchange.rawHeaders, 'authorization'), bearer.slice(15))
      const { provider, credential, kind } = await world.daemon.event(
        'call_ended',
        event => event.host === host,
      )
      assert.deepEqual([provider, credential, kind], ['copilot', 'byok', 'bridged'])
    })
  }

  it('is not chosen by the inner Host', async () => {
    const [individual = '', business = ''] = COPILOT
    const socket = await openIntercepted(world.daemon, { authority: `${individual}:443` })
    const answer = await exchangeOn(socket, post('/responses', business, '{}', [bearer]))
    assert.equal(answer.status, 421)
    socket.destroy()
  })
})

describe('ChatGPT', () => {
  it("carries Codex's calls to the books and everything else as it is", async () => {
    const path = '/backend-api/codex/responses'
    const body = JSON.stringify({ model: 'gpt-5', stream: true, input: 'Hi' })
    const { answer, exchange } = await ask('chatgpt.com', post(path, 'chatgpt.com', body, [bearer]))
    assert.equal(answer.status, 200)
    assert.equal(exchange.path, path)
    const call = await ended(path)
    assert.deepEqual([call.kind, call.route, call.credential], ['bridged', '/v1/responses', 'byok'])

    const other = '/backend-api/wham/usage?x=%20y'
    const passed = await ask('chatgpt.com', get(other, 'chatgpt.com', ['Cookie: a=b']))
    assert.equal(passed.exchange.path, other)
    assert.equal(firstHeader(passed.exchange.rawHeaders, 'cookie'), 'a=b')
    assert.equal((await ended('/backend-api/wham/usage')).kind, 'passthrough')
  })

  it("carries Codex's WebSocket with the client's own bearer", async () => {
    const socket = await openIntercepted(world.daemon, { authority: 'chatgpt.com:443' })
    const webSocket = new WebSocket('wss://chatgpt.com/backend-api/codex/responses', {
      createConnection: () => socket,
      headers: { authorization: bearer.slice(15) },
      perMessageDeflate: false,
    })
    await once(webSocket, 'open')
    webSocket.send(JSON.stringify({ type: 'response.create', model: 'gpt-ws', input: 'Hi' }))
    const seen = await world.daemon.event('answer_seen', event => event.model === 'gpt-ws')
    assert.equal(seen.provider, 'chatgpt')
    webSocket.close(1000)
    await once(webSocket, 'close')
    const call = await world.daemon.event('call_ended', event => event.kind === 'websocket')
    assert.deepEqual([call.provider, call.credential], ['chatgpt', 'byok'])
  })
})

describe('Google', () => {
  const path = '/v1beta/models/gemini-3:streamGenerateContent'
  const body = JSON.stringify({ contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] })

  it('gets the central key as a header, and none of ours in the query', async () => {
    const query = `alt=sse&key=${PLACEHOLDER_KEY}`
    const { answer, exchange } = await ask(GEMINI, post(`${path}?${query}`, GEMINI, body))
    assert.equal(answer.status, 200)
    assert.equal(exchange.path, `${path}?alt=sse`)
    assert.deepEqual(headerValues(exchange.rawHeaders, 'x-goog-api-key'), [GEMINI_KEY])
    const seen = await world.daemon.event('answer_seen', event => event.provider === 'google')
    assert.equal(seen.model, 'gemini-3')
    assert.ok((seen.usage?.output ?? 0) > 0)
  })

  it("gets a client's own key where the client put it, and no log or book does", async () => {
    const own = `${path}?key=AIza-own-0123456789`
    const { exchange } = await ask(GEMINI, post(own, GEMINI, body))
    assert.equal(exchange.path, own)
    assert.deepEqual(headerValues(exchange.rawHeaders, 'x-goog-api-key'), [])
    const call = await world.daemon.event(
      'call_ended',
      event => event.credential === 'byok' && event.provider === 'google',
    )
    assert.equal(call.credentialHint, 'AI...89')
    assert.ok(!JSON.stringify(world.daemon.events).includes('AIza-own-0123456789'))
  })

  it('refuses in its own dialect', async () => {
    const socket = await openIntercepted(world.daemon, { authority: `${GEMINI}:443` })
    const answer = await exchangeOn(socket, post('/v1beta/../x', GEMINI, '{}'))
    const { error } = JSON.parse(answer.text)
    assert.deepEqual(
      [answer.status, error.code, error.status, error.details[0].reason],
      [400, 400, 'INVALID_ARGUMENT', 'DOT_SEGMENT'],
    )
    socket.destroy()
  })
})

describe('two Azure providers', () => {
  const body = JSON.stringify({ model: 'gpt-5', messages: [{ role: 'user', content: 'Hi' }] })
  for (const [host, name, key] of [
    [AZURE, 'azure', AZURE_KEY],
    [OTHER_AZURE, 'lab', LAB_KEY],
  ] as const) {
    it(`each have their own host and key: ${name}`, async () => {
      const path = '/openai/deployments/d/chat/completions?api-version=2025-01-01-preview'
      const { answer, exchange, target } = await ask(host, post(path, host, body))
      assert.equal(answer.status, 200)
      assert.equal(target, `${host}:443`)
      assert.equal(exchange.path, path)
      assert.deepEqual(headerValues(exchange.rawHeaders, 'api-key'), [key])
      const call = await world.daemon.event('call_ended', event => event.provider === name)
      assert.deepEqual([call.kind, call.providerType], ['bridged', 'azure'])
    })
  }
})
