import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { mayReach } from '../support/daemon.ts'
import { echo, type Origin, startTcpOrigin } from '../support/origin.ts'
import { connectRaw, connectThrough } from '../support/raw-client.ts'
import {
  type AiWorld,
  ANTHROPIC,
  aiProvidersEnv,
  OPENAI,
  openIntercepted,
  startAiWorld,
} from './ai-world.ts'
import { createCaller, type TestCaller } from './callers.ts'
import { exchangeOn, get, post, readAnswer, requestText } from './wire.ts'

const HOST = 'api.anthropic.com'

const RULES = (port: number): string => `
groups:
  lab: [grace]
rules:
  - {user: '*', deny_hosts: ['*.denied.example', paste.example]}
  - {user: bob, tunnels: deny, providers: [anthropic], models: [claude-haiku-*]}
  - {members_of: lab, allow_hosts: ['localhost:${port}', '*.allowed.example']}
  - {user: tess, shadow: true, tunnels: deny, providers: [openai], models: [gpt-5]}
`

describe('a caller with rules', () => {
  let world: AiWorld
  let origin: Origin
  let bob: TestCaller
  let grace: TestCaller
  let tess: TestCaller
  let env: { readonly CODER_AIBRIDGE_POLICY_FILE: string }
  const directory = mkdtempSync(join(tmpdir(), 'aibridge-policy-'))
  before(async () => {
    origin = await startTcpOrigin(echo)
    const file = join(directory, 'policy.yaml')
    writeFileSync(file, RULES(origin.port))
    const own = { CODER_AIBRIDGE_POLICY_FILE: file, ...mayReach(origin.port) }
    world = await startAiWorld({ env: own })
    env = { ...aiProvidersEnv(world.provider.url), ...own }
    bob = createCaller(world.daemon, 'bob')
    grace = createCaller(world.daemon, 'grace')
    tess = createCaller(world.daemon, 'tess')
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
    await origin[Symbol.asyncDispose]()
    rmSync(directory, { recursive: true })
  })

  async function connect(caller: { credentials: string }, authority: string): Promise<string> {
    const { head, socket } = await connectThrough(world.daemon.proxy, authority, caller)
    socket.destroy()
    return `${head.status} ${head.header('x-aibridge-reason') ?? ''}`.trim()
  }

  it('reaches AI hosts and nothing else where tunnels are denied', async () => {
    assert.equal(await connect(bob, origin.authority), '403 tunnels_denied')
    assert.equal(await connect(bob, ANTHROPIC), '200')
    assert.equal(await connect(world.daemon, origin.authority), '200')
  })

  it('reaches the hosts of a list only, where there is one', async () => {
    assert.equal(await connect(grace, origin.authority), '200')
    assert.equal(await connect(grace, 'example.com:443'), '403 host_not_allowed')
    assert.equal(await connect(grace, 'x.denied.example:443'), '403 host_denied')
    assert.equal(await connect(grace, ANTHROPIC), '200')
  })

  it('is held by the same rules with plain requests', async () => {
    const socket = await connectRaw(world.daemon.proxy)
    const credentials = Buffer.from(grace.credentials).toString('base64')
    socket.write(
      requestText('GET http://paste.example/x', [
        'Host: paste.example',
        `Proxy-Authorization: Basic ${credentials}`,
      ]),
    )
    const { head } = await readAnswer(socket)
    assert.equal(head.header('x-aibridge-reason'), 'host_denied')
    socket.destroy()
  })

  it('is refused a provider that no rule allows', async () => {
    assert.equal(await connect(bob, OPENAI), '403 provider_denied')
    const ended = await world.daemon.event(
      'connect_ended',
      ({ reason }) => reason === 'provider_denied',
    )
    assert.equal(ended.detail, 'rules[1]')
  })

  const asBob = async () =>
    await openIntercepted(world.daemon, { connect: { credentials: bob.credentials } })

  it('may use the allowed models, with every byte of the body untouched', async () => {
    const socket = await asBob()
    const body = `{ "messages": [{"role":"user","content":"${'é'.repeat(100_000)}"}],\n "model":"claude-haiku-4"}`
    const arriving = world.provider.nextExchange()
    const answer = await exchangeOn(socket, post('/v1/messages', HOST, body))
    assert.equal(answer.status, 200)
    assert.equal((await arriving).request.text, body)
    socket.destroy()
  })

  it('may send a body in chunks, with its trailers', async () => {
    const socket = await asBob()
    const arriving = world.provider.nextExchange()
    const answer = await exchangeOn(
      socket,
      requestText(
        'POST /v1/messages',
        [`Host: ${HOST}`, 'Transfer-Encoding: chunked'],
        '9\r\n{"model":\r\n11\r\n"claude-haiku-4"}\r\n0\r\nX-Checksum: 1\r\n\r\n',
      ),
    )
    assert.equal(answer.status, 200)
    const exchange = await arriving
    assert.equal(exchange.request.text, '{"model":"claude-haiku-4"}')
    assert.deepEqual(exchange.rawTrailers, ['X-Checksum', '1'])
    socket.destroy()
  })

  const refused: readonly (readonly [what: string, request: Buffer, reason: string])[] = [
    ['another model', post('/v1/messages', HOST, '{"model":"claude-opus-4"}'), 'model_denied'],
    [
      'a second model behind the first',
      post('/v1/messages', HOST, '{"model":"claude-haiku-4","model":"claude-opus-4"}'),
      'model_unknown',
    ],
    ['no model', post('/v1/messages', HOST, '{}'), 'model_unknown'],
    ['no body', requestText('POST /v1/messages', [`Host: ${HOST}`]), 'model_unknown'],
    [
      'further models to fall back upon',
      post('/v1/messages', HOST, '{"model":"claude-haiku-4","Models":["claude-opus-4"]}'),
      'model_unknown',
    ],
    [
      'a model in the query',
      post('/v1/messages?model=claude-opus-4', HOST, '{"model":"claude-haiku-4"}'),
      'model_denied',
    ],
    [
      'a model behind another question mark',
      post('/v1/messages?x=?&model=claude-opus-4', HOST, '{"model":"claude-haiku-4"}'),
      'model_denied',
    ],
    [
      'a model behind an escaped colon',
      post('/v1beta/models/gemini%2Dpro%3AgenerateContent', HOST, '{"model":"claude-haiku-4"}'),
      'model_denied',
    ],
    [
      'a model of Bedrock with a slash in its name',
      post('/model/arn%3Ax%3Aprofile%2Fopus/invoke', HOST, '{"model":"claude-haiku-4"}'),
      'model_denied',
    ],
    [
      'a model in the path of old',
      post('/v1/engines/davinci/completions', HOST, '{"model":"claude-haiku-4"}'),
      'model_denied',
    ],
    [
      'a path that is not escaped correctly',
      post('/v1/messages/%zz', HOST, '{"model":"claude-haiku-4"}'),
      'model_unknown',
    ],
    [
      'a compressed body',
      post('/v1/messages', HOST, '{"model":"claude-haiku-4"}', ['Content-Encoding: gzip']),
      'model_unknown',
    ],
    ['a model in the path', get('/v1beta/models/gemini-pro:generateContent', HOST), 'model_denied'],
  ]
  for (const [what, request, reason] of refused) {
    it(`is refused ${what}, in the provider's dialect, and nothing goes out`, async () => {
      const earlier = world.provider.exchanges.length
      const socket = await asBob()
      const answer = await exchangeOn(socket, request)
      assert.equal(answer.status, 403)
      assert.equal(answer.head.header('x-aibridge-reason'), reason)
      assert.equal(JSON.parse(answer.text).error.type, 'permission_error')
      assert.equal(world.provider.exchanges.length, earlier)
      // The connection is still of use.
      assert.equal((await exchangeOn(socket, get('/v1/models', HOST))).status, 200)
      socket.destroy()
    })
  }

  it('is told to use HTTP instead of a WebSocket, whose messages nobody may hold', async () => {
    const socket = await asBob()
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
    const answer = await exchangeOn(socket, get('/v1/messages', HOST, upgrade))
    assert.equal(answer.status, 426)
    assert.equal(answer.head.header('x-aibridge-reason'), 'model_unknown')
    socket.destroy()
  })

  it('is not refused by a rule on trial, which is told instead', async () => {
    assert.equal(await connect(tess, origin.authority), '200')
    await world.daemon.event(
      'shadow_refusal',
      ({ reason, rule, user }) =>
        reason === 'tunnels_denied' && rule === 'rules[3]' && user === 'tess',
    )
    const socket = await openIntercepted(world.daemon, {
      connect: { credentials: tess.credentials },
    })
    const body = '{"model":"claude-opus-4","messages":[{"role":"user","content":"hi"}]}'
    assert.equal((await exchangeOn(socket, post('/v1/messages', HOST, body))).status, 200)
    const told = await world.daemon.event(
      'shadow_refusal',
      ({ reason }) => reason === 'model_denied',
    )
    assert.deepEqual([told.subject, told.rule], ['claude-opus-4', 'rules[3]'])
    for (const [request, subject] of [
      [requestText('POST /v1/messages', [`Host: ${HOST}`]), 'no body'],
      [get('/v1beta/models/gemini-pro:countTokens', HOST), 'gemini-pro'],
    ] as const) {
      await exchangeOn(socket, request)
      const trial = await world.daemon.event('shadow_refusal', event => event.subject === subject)
      assert.equal(trial.rule, 'rules[3]')
    }
    socket.destroy()
  })

  it('has a rule on trial told on base-URL routes, too, which know no CONNECT', async () => {
    const socket = await connectRaw(world.daemon.api)
    const path = '/api/v2/aibridge/anthropic/v1/models'
    const answer = await exchangeOn(socket, get(path, '127.0.0.1', [`x-api-key: ${tess.token}`]))
    assert.equal(answer.status, 200)
    const told = await world.daemon.event(
      'shadow_refusal',
      ({ callId, reason }) => callId !== undefined && reason === 'provider_denied',
    )
    assert.deepEqual([told.user, told.subject, told.rule], ['tess', 'anthropic', 'rules[3]'])
    socket.destroy()
  })

  it('is held by new rules on a connection that is open, and by the old where they are broken', async () => {
    const socket = await asBob()
    writeFileSync(env.CODER_AIBRIDGE_POLICY_FILE, 'rules: [{user: bob, tunnels: maybe}]')
    await assert.rejects(async () => await world.daemon.reload(env), /"maybe" is not accepted/)
    assert.equal(await connect(bob, origin.authority), '403 tunnels_denied')
    assert.equal((await exchangeOn(socket, get('/v1/models', HOST))).status, 200)
    writeFileSync(
      env.CODER_AIBRIDGE_POLICY_FILE,
      'rules: [{user: bob, deny_hosts: ["*.anthropic.com"]}]',
    )
    await world.daemon.reload(env)
    const answer = await exchangeOn(socket, get('/v1/models', HOST))
    assert.equal(answer.status, 403)
    assert.equal(answer.head.header('x-aibridge-reason'), 'host_denied')
    socket.destroy()
  })
})
