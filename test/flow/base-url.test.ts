import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { headerValues } from '../../src/kernel/headers.ts'
import { PLACEHOLDER_KEY } from '../../src/kernel/provider.ts'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { type Provider, startProvider } from '../support/provider.ts'
import type { Exchange } from '../support/provider-exchange.ts'
import { connectRaw, readHead, readToEnd } from '../support/raw-client.ts'
import { ANTHROPIC_KEY, MESSAGE, OPENAI_KEY, providersEnv } from './ai-world.ts'
import { createCaller } from './callers.ts'
import { type Answer, exchangeOn, get, post, requestText } from './wire.ts'

const ROUTE = '/api/v2/aibridge'
const UPGRADE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]
const SECOND_KEY = 'sk-second-central-0123456789'

let provider: Provider
let other: Provider
let daemon: TestDaemon
let host: string
const opened = new AsyncDisposableStack()

before(async () => {
  provider = opened.use(await startProvider({ gapMs: 1 }))
  other = opened.use(await startProvider({ gapMs: 1 }))
  daemon = opened.use(
    await startTestDaemon({
      env: providersEnv(
        { type: 'anthropic', key: ANTHROPIC_KEY, url: `${provider.url}/gw/anthropic` },
        { type: 'openai', key: OPENAI_KEY, url: `${provider.url}/v1` },
        { type: 'openai', name: 'second', key: SECOND_KEY, url: `${other.url}/gw/openai/v1/` },
        { type: 'chatgpt', url: `${provider.url}/backend-api/codex` },
      ),
    }),
  )
  host = `127.0.0.1:${daemon.api.port}`
})
after(() => opened.disposeAsync())

/** One request to the API listener, on a connection of its own. */
async function ask(
  request: Buffer,
  at: Provider = provider,
): Promise<{ answer: Answer; exchange: Exchange | undefined }> {
  const seen = at.exchanges.length
  const socket = await connectRaw(daemon.api)
  const answer = await exchangeOn(socket, request)
  socket.destroy()
  return { answer, exchange: at.exchanges[seen] }
}

describe('a base-URL route', () => {
  const tokens: readonly (readonly [what: string, header: () => string])[] = [
    ['Authorization: Bearer', () => `Authorization: Bearer ${daemon.token}`],
    ['Basic credentials', () => `Authorization: Basic ${btoa(`ada:${daemon.token}`)}`],
    ['x-api-key', () => `X-Api-Key: ${daemon.token}`],
    ['api-key', () => `api-key: ${daemon.token}`],
    ['x-goog-api-key', () => `x-goog-api-key: ${daemon.token}`],
    ['Coder-Session-Token', () => `Coder-Session-Token: ${daemon.token}`],
    ["Coder's header for own keys", () => `X-Coder-AI-Governance-Token: ${daemon.token}`],
  ]
  for (const [what, header] of tokens) {
    it(`takes the caller's token as ${what}, and puts the central key in`, async () => {
      const request = post(`${ROUTE}/anthropic/v1/messages?beta=true`, host, MESSAGE, [header()])
      const { answer, exchange } = await ask(request)
      assert.equal(answer.status, 404, 'the stub serves no such path, and says so itself')
      assert.ok(exchange)
      assert.equal(exchange.path, '/gw/anthropic/v1/messages?beta=true')
      assert.deepEqual(headerValues(exchange.rawHeaders, 'x-api-key'), [ANTHROPIC_KEY])
      assert.equal(exchange.request.text, MESSAGE)
      assert.ok(!provider.sawInHeaders(daemon.token))
    })
  }

  it('streams the answer byte for byte and writes the call down', async () => {
    const body = JSON.stringify({ model: 'gpt-5', stream: true, input: 'Hi' })
    const path = '/api/v2/ai-gateway/openai/v1/responses'
    const { answer, exchange } = await ask(
      post(path, host, body, [`Authorization: Bearer ${daemon.token}`]),
    )
    assert.equal(answer.status, 200)
    assert.equal(answer.text, exchange?.response.text)
    const call = await daemon.event('call_ended', event => event.provider === 'openai')
    assert.deepEqual(
      [call.user, call.path, call.route, call.kind, call.connectId, call.host, call.outcome],
      ['ada', '/v1/responses', '/v1/responses', 'bridged', undefined, '127.0.0.1', 'completed'],
    )
    const seen = await daemon.event('answer_seen', event => event.provider === 'openai')
    assert.equal(seen.usage?.output, 7)
  })

  it("passes a client's own key on beside the token", async () => {
    const headers = [
      `Coder-Session-Token: ${daemon.token}`,
      'Authorization: Bearer sk-own-0123456',
      'X-Forwarded-For: 10.1.2.3',
    ]
    const { exchange } = await ask(post(`${ROUTE}/openai/v1/responses`, host, '{}', headers))
    assert.ok(exchange)
    assert.deepEqual(headerValues(exchange.rawHeaders, 'authorization'), ['Bearer sk-own-0123456'])
    assert.deepEqual(headerValues(exchange.rawHeaders, 'coder-session-token'), [])
    assert.deepEqual(headerValues(exchange.rawHeaders, 'x-forwarded-for'), [])
  })

  it('keeps two providers of one type apart', async () => {
    const request = post(`${ROUTE}/second/v1/chat/completions`, host, '{}', [
      `Authorization: Bearer ${daemon.token}`,
    ])
    const { exchange } = await ask(request, other)
    assert.ok(exchange)
    assert.equal(exchange.path, '/gw/openai/v1/chat/completions')
    assert.deepEqual(headerValues(exchange.rawHeaders, 'authorization'), [`Bearer ${SECOND_KEY}`])
  })

  const refused: readonly (readonly [
    what: string,
    request: () => Buffer,
    status: number,
    told: RegExp,
  ])[] = [
    [
      'no token',
      () => post(`${ROUTE}/anthropic/v1/messages`, host, '{}', [`x-api-key: ${PLACEHOLDER_KEY}`]),
      401,
      /"type":"authentication_error".*token is required/,
    ],
    [
      'an unknown token',
      () =>
        post(`${ROUTE}/openai/v1/responses`, host, '{}', [
          `Authorization: Bearer aibp_${'x'.repeat(43)}`,
        ]),
      401,
      /"code":"token_invalid"/,
    ],
    [
      'a provider that is not there',
      () => post(`${ROUTE}/nope/v1/messages`, host, '{}', [`x-api-key: ${daemon.token}`]),
      404,
      /^\{"message":"There is no provider of this name."\}/,
    ],
    [
      'a step out of the base path',
      () => post(`${ROUTE}/openai/v1/../../x`, host, '{}', [`api-key: ${daemon.token}`]),
      400,
      /"code":"dot_segment"/,
    ],
    [
      'ambiguous framing',
      () =>
        requestText(
          `POST ${ROUTE}/openai/v1/responses`,
          [`Host: ${host}`, `api-key: ${daemon.token}`, 'Transfer-Encoding: gzip, chunked'],
          '0\r\n\r\n',
        ),
      400,
      /"code":"framing"/,
    ],
    [
      'an upgrade in HTTP/1.0',
      () =>
        Buffer.from(
          `GET ${ROUTE}/openai/v1/responses HTTP/1.0\r\nHost: ${host}\r\napi-key: ${daemon.token}\r\n${UPGRADE.join('\r\n')}\r\n\r\n`,
        ),
      426,
      /"code":"request_malformed"/,
    ],
    [
      'a version of HTTP that has other frames',
      () =>
        Buffer.from(
          `GET ${ROUTE}/openai/v1/models HTTP/2.0\r\nHost: ${host}\r\napi-key: ${daemon.token}\r\n\r\n`,
        ),
      400,
      /"code":"request_malformed"/,
    ],
    [
      'TRACE',
      () => requestText(`TRACE ${ROUTE}/openai/v1/responses`, [`Host: ${host}`]),
      405,
      /"code":"method_not_allowed"/,
    ],
    [
      'a host name that could be anybody',
      () =>
        post(`${ROUTE}/openai/v1/responses`, 'evil.example', '{}', [`api-key: ${daemon.token}`]),
      403,
      /not served here/,
    ],
    [
      'the tokens of two callers',
      () =>
        get(`${ROUTE}/openai/v1/models`, host, [
          `Authorization: Bearer ${daemon.token}`,
          `x-api-key: ${createCaller(daemon).token}`,
        ]),
      401,
      /"code":"token_invalid"/,
    ],
    [
      "the tokens of two callers in headers of Coder's",
      () =>
        get(`${ROUTE}/openai/v1/models`, host, [
          `Coder-Session-Token: ${daemon.token}`,
          `X-Coder-AI-Governance-Token: ${createCaller(daemon).token}`,
        ]),
      401,
      /"code":"token_invalid"/,
    ],
    ...['//evil.example/v1/models', '/\\evil.example/v1/models', '/v1/models#x'].map(
      path =>
        [
          `the target ${path}`,
          () => get(`${ROUTE}/openai${path}`, host, [`api-key: ${daemon.token}`]),
          400,
          /"code":"request_target"/,
        ] as const,
    ),
    ...['?token=', '/'].map(
      place =>
        [
          `a token behind ${place}`,
          () =>
            get(`${ROUTE}/openai/v1/models${place}${daemon.token}`, host, [
              `api-key: ${daemon.token}`,
            ]),
          400,
          /"code":"token_in_target"/,
        ] as const,
    ),
    [
      'two hosts',
      () => get(`${ROUTE}/openai/v1/models`, host, ['Host: x', `api-key: ${daemon.token}`]),
      400,
      /"code":"host_conflict"/,
    ],
    [
      "another type's provider without a key",
      () => post(`${ROUTE}/chatgpt/v1/responses`, host, '{}', [`api-key: ${daemon.token}`]),
      401,
      /"code":"no_credential"/,
    ],
  ]
  for (const [what, request, status, told] of refused) {
    it(`answers ${what} with ${status} in the form of its clients`, async () => {
      const seen = provider.exchanges.length
      const { answer } = await ask(request())
      assert.equal(answer.status, status)
      assert.match(answer.text, told)
      assert.equal(provider.exchanges.length, seen)
      assert.ok(!JSON.stringify(daemon.events).includes(daemon.token))
    })
  }

  it('leaves the routes of the API alone', async () => {
    const { answer } = await ask(
      get(`${ROUTE}/models`, host, [`Coder-Session-Token: ${daemon.token}`]),
    )
    assert.equal(answer.status, 200)
  })

  it('serves one connection for many calls, also after an upload', async () => {
    const socket = await connectRaw(daemon.api)
    const body = JSON.stringify({ model: 'gpt-5', input: 'x'.repeat(300_000) })
    const request = post(`${ROUTE}/openai/v1/responses`, host, body, [`api-key: ${daemon.token}`])
    for (let call = 0; call < 3; call += 1) {
      assert.equal((await exchangeOn(socket, request)).status, 200)
    }
    socket.destroy()
  })

  it('carries WebSockets, with the central key', async () => {
    const webSocket = new WebSocket(`ws://${host}${ROUTE}/openai/v1/responses`, {
      headers: { authorization: `Bearer ${daemon.token}` },
      perMessageDeflate: false,
    })
    await once(webSocket, 'open')
    webSocket.send(JSON.stringify({ type: 'response.create', model: 'gpt-ws', input: 'x' }))
    const seen = await daemon.event('answer_seen', event => event.model === 'gpt-ws')
    assert.equal(seen.usage?.output, 7)
    webSocket.close(1000)
    await once(webSocket, 'close')
    const call = await daemon.event('call_ended', event => event.kind === 'websocket')
    assert.deepEqual([call.status, call.credential], [101, 'centralized'])
  })

  it('answers a switch without a token with 426, and with 401 in its text', async () => {
    const { answer } = await ask(get(`${ROUTE}/openai/v1/responses`, host, UPGRADE))
    assert.equal(answer.status, 426)
    assert.match(answer.text, /token_required/)
  })

  it('has nothing done of what was sent behind a request that could be framed in two ways', async () => {
    const seen = provider.exchanges.length
    const socket = await connectRaw(daemon.api)
    const key = `api-key: ${daemon.token}`
    const coding = 'Transfer-Encoding: gzip, chunked'
    const path = `${ROUTE}/openai/v1/responses`
    socket.write(
      Buffer.concat([
        requestText(`POST ${path}`, [`Host: ${host}`, key, coding], '0\r\n\r\n'),
        get(`${ROUTE}/openai/v1/models`, host, [key]),
      ]),
    )
    assert.equal(String(await readToEnd(socket)).match(/HTTP\/1\.1/g)?.length, 1)
    assert.equal(provider.exchanges.length, seen)
  })

  const behind: readonly (readonly [what: string, bytes: () => Buffer])[] = [
    ['a switch', () => get(`${ROUTE}/openai/v1/responses`, host, UPGRADE)],
    ['a switch of a stranger', () => get(`${ROUTE}/openai/v1/responses`, 'evil.example', UPGRADE)],
    ['no HTTP', () => Buffer.from('\x01 garbage\r\n\r\n')],
  ]
  for (const [what, bytes] of behind) {
    it(`breaks off when ${what} comes amid its answer, and writes nothing into that`, async () => {
      provider.script(() => ({ stallAfter: 1 }))
      const socket = await connectRaw(daemon.api)
      const body = JSON.stringify({ model: 'gpt-5', stream: true, input: 'Hi' })
      socket.write(post(`${ROUTE}/openai/v1/responses`, host, body, [`api-key: ${daemon.token}`]))
      await readHead(socket)
      socket.write(bytes())
      assert.doesNotMatch(String(await readToEnd(socket)), /HTTP\/1\.1/)
      provider.script(undefined)
      const { answer } = await ask(get('/livez', host))
      assert.equal(answer.status, 200)
    })
  }

  it('asks for no more when a stranger sends a switch behind a request', async () => {
    const socket = await connectRaw(daemon.api)
    const path = `${ROUTE}/openai/v1/responses`
    socket.write(Buffer.concat([get(path, host), get(path, host, UPGRADE)]))
    await readToEnd(socket)
    const { answer } = await ask(get('/livez', host))
    assert.equal(answer.status, 200)
  })

  it("aborts the provider's request when the client goes", async () => {
    provider.script(() => ({ stallAfter: 2 }))
    const arrived = provider.nextExchange()
    const socket = await connectRaw(daemon.api)
    const body = JSON.stringify({ model: 'gpt-5', stream: true, input: 'Hi' })
    socket.write(post(`${ROUTE}/openai/v1/responses`, host, body, [`api-key: ${daemon.token}`]))
    const exchange = await arrived
    await once(socket, 'readable')
    socket.destroy()
    await provider.ended(exchange)
    provider.script(undefined)
    assert.equal(exchange.outcome, 'closed')
    const call = await daemon.event('call_ended', event => event.outcome === 'aborted')
    assert.equal(call.provider, 'openai')
  })
})

describe('a daemon that drains', () => {
  it('waits for the calls of base-URL routes, and lets nobody else in', async () => {
    await using own = await startTestDaemon({
      env: providersEnv({ type: 'openai', key: OPENAI_KEY, url: `${provider.url}/v1` }),
    })
    const authority = `127.0.0.1:${own.api.port}`
    const key = [`api-key: ${own.token}`]
    const body = JSON.stringify({ model: 'gpt-5', stream: true, input: 'Hi' })
    const request = post(`${ROUTE}/openai/v1/responses`, authority, body, key)
    const idle = await connectRaw(own.api)
    assert.equal((await exchangeOn(idle, request)).status, 200)

    provider.script(() => ({ gapMs: 20 }))
    const arrived = provider.nextExchange()
    const busy = await connectRaw(own.api)
    const running = exchangeOn(busy, request)
    await arrived
    const drained = own.drain(new AbortController().signal)
    idle.resume()
    await once(idle, 'end')
    const late = await connectRaw(own.api)
    assert.equal((await exchangeOn(late, request)).status, 503)
    assert.equal((await running).status, 200)
    await drained
    provider.script(undefined)
    for (const socket of [idle, busy, late]) socket.destroy()
  })
})
