import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { firstHeader, headerValues } from '../../src/kernel/headers.ts'
import { PLACEHOLDER_KEY } from '../../src/kernel/provider.ts'
import { startTestDaemon } from '../support/daemon.ts'
import { startProvider } from '../support/provider.ts'
import type { Exchange } from '../support/provider-exchange.ts'
import {
  type AiWorld,
  ANTHROPIC,
  ANTHROPIC_KEY,
  OPENAI,
  OPENAI_KEY,
  openIntercepted,
  providersEnv,
  startAiDaemon,
  startAiWorld,
} from './ai-world.ts'
import { type Answer, exchangeOn, get, post } from './wire.ts'

const ANTHROPIC_HOST = 'api.anthropic.com'
const OPENAI_HOST = 'api.openai.com'

/** One request on a connection of its own, and what became of it. */
async function ask(
  { daemon, provider }: AiWorld,
  authority: string,
  request: Buffer,
): Promise<{ answer: Answer; exchange: Exchange | undefined }> {
  const seen = provider.exchanges.length
  const socket = await openIntercepted(daemon, { authority })
  const answer = await exchangeOn(socket, request)
  socket.destroy()
  return { answer, exchange: provider.exchanges[seen] }
}

describe('the credential of a call', () => {
  let world: AiWorld
  before(async () => {
    world = await startAiWorld()
  })
  after(() => world[Symbol.asyncDispose]())

  const centralised: readonly (readonly [what: string, headers: () => string[]])[] = [
    ['nothing', () => []],
    ['the placeholder as bearer', () => [`Authorization: Bearer ${PLACEHOLDER_KEY}`]],
    ['the placeholder as key', () => [`X-Api-Key: ${PLACEHOLDER_KEY}`]],
    ["the caller's token as bearer", () => [`authorization: bearer ${world.daemon.token}`]],
    ["the caller's token as key", () => [`x-api-key: ${world.daemon.token}`]],
    ['the token in another scheme', () => [`Authorization: Token ${world.daemon.token}`]],
    [
      'the token in Basic credentials',
      () => [`Authorization: Basic ${btoa(`ada:${world.daemon.token}`)}`],
    ],
    ['the token in any other header', () => [`X-Session: id=${world.daemon.token}`]],
    [
      'both in both',
      () => [`X-API-KEY: ${PLACEHOLDER_KEY}`, `Authorization: Bearer ${world.daemon.token}`],
    ],
  ]
  for (const [what, headers] of centralised) {
    it(`is the central key where the client sends ${what}`, async () => {
      const sent = [...headers(), 'Coder-Session-Token: t', 'X-Coder-Owner: o', 'Proxy-X: y']
      const request = post('/v1/messages', ANTHROPIC_HOST, '{}', sent)
      const { exchange } = await ask(world, ANTHROPIC, request)
      assert.ok(exchange)
      assert.deepEqual(headerValues(exchange.rawHeaders, 'x-api-key'), [ANTHROPIC_KEY])
      assert.deepEqual(headerValues(exchange.rawHeaders, 'authorization'), [])
      for (const name of ['coder-session-token', 'x-coder-owner', 'proxy-x']) {
        assert.equal(firstHeader(exchange.rawHeaders, name), undefined)
      }
      assert.equal(firstHeader(exchange.rawHeaders, 'host'), `localhost:${world.provider.port}`)
    })
  }

  it('is the central key as bearer for OpenAI', async () => {
    const { exchange } = await ask(
      world,
      OPENAI,
      post('/v1/responses', OPENAI_HOST, '{}', [`X-Api-Key: ${PLACEHOLDER_KEY}`]),
    )
    assert.ok(exchange)
    assert.deepEqual(headerValues(exchange.rawHeaders, 'authorization'), [`Bearer ${OPENAI_KEY}`])
    assert.deepEqual(headerValues(exchange.rawHeaders, 'x-api-key'), [])
  })

  for (const [name, value] of [
    ['Authorization', 'Bearer sk-mine-0123456789'],
    ['X-Api-Key', 'sk-mine-0123456789'],
    ['api-key', 'sk-mine-0123456789'],
    ['x-goog-api-key', 'AIza-mine-0123456789'],
  ] as const) {
    it(`is the client's own in ${name}, unchanged`, async () => {
      const { exchange } = await ask(
        world,
        ANTHROPIC,
        post('/v1/messages', ANTHROPIC_HOST, '{}', [`${name}: ${value}`]),
      )
      assert.ok(exchange)
      assert.deepEqual(headerValues(exchange.rawHeaders, name.toLowerCase()), [value])
      assert.ok(!exchange.rawHeaders.includes(ANTHROPIC_KEY))
    })
  }

  it('is a login to a plan, with everything that belongs to it', async () => {
    const jwt = `eyJhbGciOiJub25lIn0.${btoa('{"iss":"https://auth.openai.com"}')}.c2lnbmVk`
    const logins: readonly (readonly [string, string, string, string[]])[] = [
      [
        ANTHROPIC,
        '/v1/messages?beta=true',
        'sk-ant-oat01-mine-0123456789',
        ['anthropic-beta: oauth-2025-04-20,claude-code-20250219', 'x-app: cli'],
      ],
      [OPENAI, '/v1/responses', jwt, ['chatgpt-account-id: acct-1', 'OpenAI-Organization: org-1']],
    ]
    for (const [authority, path, token, beside] of logins) {
      const host = authority.slice(0, -':443'.length)
      const sent = [`authorization: Bearer ${token}`, ...beside]
      const { exchange } = await ask(world, authority, post(path, host, '{}', sent))
      assert.ok(exchange)
      const received = exchange.rawHeaders.flatMap((text, index, all) =>
        index % 2 === 0 ? [`${text}: ${all[index + 1]}`] : [],
      )
      for (const line of sent) assert.ok(received.includes(line), line)
      assert.equal(exchange.path, path)
    }
  })

  it("is the client's own without our token beside it", async () => {
    const { exchange } = await ask(
      world,
      ANTHROPIC,
      post('/v1/messages', ANTHROPIC_HOST, '{}', [
        `Authorization: Bearer ${world.daemon.token}`,
        'X-Api-Key: sk-mine-0123456789',
      ]),
    )
    assert.ok(exchange)
    assert.deepEqual(headerValues(exchange.rawHeaders, 'x-api-key'), ['sk-mine-0123456789'])
    assert.deepEqual(headerValues(exchange.rawHeaders, 'authorization'), [])
  })

  it('is none on a path that is not listed', async () => {
    const { exchange } = await ask(world, ANTHROPIC, get('/v1/files', ANTHROPIC_HOST))
    assert.ok(exchange)
    for (const name of ['x-api-key', 'authorization']) {
      assert.deepEqual(headerValues(exchange.rawHeaders, name), [])
    }
    const ended = await world.daemon.event('call_ended', ({ path }) => path === '/v1/files')
    assert.deepEqual([ended.kind, ended.credential, ended.user], ['passthrough', 'none', 'ada'])
  })

  it('never is a token of ours, in any request of these tests', () => {
    assert.ok(!world.provider.sawInHeaders(world.daemon.token))
    assert.ok(!world.provider.sawInHeaders(btoa(`ada:${world.daemon.token}`)))
    assert.ok(!world.provider.sawInHeaders(PLACEHOLDER_KEY))
  })

  it('is the central key whatever was sent, once own keys are not allowed', async () => {
    await using daemon = await startAiDaemon(world.provider.url, {
      CODER_AIBRIDGE_ALLOW_BYOK: 'false',
    })
    const request = post('/v1/messages', ANTHROPIC_HOST, '{}', ['X-Api-Key: sk-mine-0123456789'])
    const { exchange } = await ask({ ...world, daemon }, ANTHROPIC, request)
    assert.ok(exchange)
    assert.deepEqual(headerValues(exchange.rawHeaders, 'x-api-key'), [ANTHROPIC_KEY])
  })

  it('is asked for in the dialect of the provider where there is none', async () => {
    const { url } = world.provider
    await using daemon = await startTestDaemon({
      env: providersEnv({ type: 'anthropic', url }, { type: 'openai', url: `${url}/v1` }),
    })
    const keyless = { ...world, daemon }
    const anthropic = await ask(keyless, ANTHROPIC, post('/v1/messages', ANTHROPIC_HOST, '{}'))
    assert.equal(anthropic.answer.status, 401)
    assert.equal(anthropic.answer.head.header('x-aibridge-reason'), 'no_credential')
    assert.equal(JSON.parse(anthropic.answer.text).error.type, 'authentication_error')
    const openai = await ask(keyless, OPENAI, post('/v1/responses', OPENAI_HOST, '{}'))
    assert.equal(openai.answer.status, 401)
    assert.equal(JSON.parse(openai.answer.text).error.code, 'no_credential')
    assert.equal(openai.exchange, undefined)
  })

  it('stays in step after a refusal that left an upload unread', async () => {
    const { url } = world.provider
    await using daemon = await startTestDaemon({ env: providersEnv({ type: 'anthropic', url }) })
    const socket = await openIntercepted(daemon)
    const upload = Buffer.alloc(3 << 20, 'GET /v1/models HTTP/1.1\r\n\r\n')
    for (let i = 0; i < 3; i += 1) {
      assert.equal(
        (await exchangeOn(socket, post('/v1/messages', ANTHROPIC_HOST, upload))).status,
        401,
      )
    }
    assert.equal((await exchangeOn(socket, get('/v1/files', ANTHROPIC_HOST))).status, 404)
    socket.destroy()
  })
})

describe('the path of a call', () => {
  it('goes to the base path of its provider, byte for byte', async () => {
    await using provider = await startProvider({ behaviour: () => ({ pieces: ['{}'] }) })
    await using daemon = await startTestDaemon({
      env: providersEnv(
        { type: 'anthropic', key: ANTHROPIC_KEY, url: `${provider.url}/anthropic` },
        { type: 'openai', key: OPENAI_KEY, url: `${provider.url}/openai/v1/` },
      ),
    })
    const cases: readonly (readonly [authority: string, path: string, expected: string])[] = [
      [ANTHROPIC, '/v1/messages?beta=true', '/anthropic/v1/messages?beta=true'],
      [ANTHROPIC, '/api/hello', '/anthropic/api/hello'],
      [ANTHROPIC, '/v1/a%20b+c?q=%zz&&=', '/anthropic/v1/a%20b+c?q=%zz&&='],
      [OPENAI, '/v1/responses', '/openai/v1/responses'],
      [OPENAI, '/v1/models/a:b@c', '/openai/v1/models/a:b@c'],
      [OPENAI, '/backend/x', '/openai/backend/x'],
    ]
    for (const [authority, path, expected] of cases) {
      const socket = await openIntercepted(daemon, { authority })
      await exchangeOn(socket, get(path, authority.slice(0, -':443'.length)))
      socket.destroy()
      assert.equal(provider.exchanges.at(-1)?.path, expected)
    }
  })

  it('is refused where it would leave the base path', async () => {
    await using world = await startAiWorld()
    for (const path of ['/v1/../admin', '/v1/models/%2e%2e/x', '/v1/models/..%2fx', '/v1/..;/x']) {
      const { answer, exchange } = await ask(world, ANTHROPIC, get(path, ANTHROPIC_HOST))
      assert.equal(answer.status, 400, path)
      assert.equal(answer.head.header('x-aibridge-reason'), 'dot_segment')
      assert.equal(exchange, undefined)
    }
  })

  it('is refused where it is not listed, if only listed ones may pass', async () => {
    await using world = await startAiWorld({ env: { CODER_AIBRIDGE_PASSTHROUGH: 'listed' } })
    const { answer, exchange } = await ask(world, ANTHROPIC, get('/v1/files', ANTHROPIC_HOST))
    assert.equal(answer.status, 404)
    assert.equal(answer.head.header('x-aibridge-reason'), 'route_not_supported')
    assert.equal(JSON.parse(answer.text).error.type, 'not_found_error')
    assert.equal(exchange, undefined)
    assert.equal(
      (await ask(world, ANTHROPIC, get('/v1/models', ANTHROPIC_HOST))).answer.status,
      200,
    )
  })

  it('belongs to the provider whose host was asked for, of two of one type', async () => {
    await using first = await startProvider()
    await using second = await startProvider()
    await using daemon = await startTestDaemon({
      env: providersEnv(
        { type: 'openai', name: 'one', key: 'sk-one-0123456789', url: `${first.url}/v1` },
        {
          type: 'openai',
          name: 'two',
          key: 'sk-two-0123456789',
          url: `${second.url}/v1`,
          hosts: 'llm.example.com',
        },
      ),
    })
    for (const [host, provider, key] of [
      [OPENAI_HOST, first, 'sk-one-0123456789'],
      ['llm.example.com', second, 'sk-two-0123456789'],
    ] as const) {
      const socket = await openIntercepted(daemon, { authority: `${host}:443` })
      assert.equal((await exchangeOn(socket, post('/v1/responses', host, '{}'))).status, 200)
      socket.destroy()
      assert.equal(provider.exchanges.length, 1)
      assert.ok(provider.sawInHeaders(key))
    }
  })
})
