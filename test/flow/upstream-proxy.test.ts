import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { mayReach, startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { type Origin, startHttpOrigin } from '../support/origin.ts'
import { testPki } from '../support/pki.ts'
import { type Provider, startProvider } from '../support/provider.ts'
import {
  connectRaw,
  connectThrough,
  readHead,
  readToEnd,
  requestOver,
  responseTo,
  secureOver,
} from '../support/raw-client.ts'
import { SQUID_ADDRESS, type SquidOptions, squidMissing, startSquid } from '../support/squid.ts'

const KEY = 'sk-central-behind-squid-0123456789'
const CREDENTIALS = { user: 'corp user', password: 'p@ss:w%rd/ü' }

/** Where the next connection to an origin comes from. */
async function peerOf(origin: Origin, act: () => Promise<void>): Promise<string | undefined> {
  const peer = origin.nextConnection().then(socket => socket.remoteAddress)
  await act()
  return await peer
}

interface World extends AsyncDisposable {
  readonly daemon: TestDaemon
  readonly provider: Provider
  readonly site: Origin
  readonly plain: Origin
}

async function startWorld(options: SquidOptions): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const squid = stack.use(await startSquid(options))
  const provider = stack.use(await startProvider())
  const site = stack.use(await startHttpOrigin())
  const plain = stack.use(await startHttpOrigin({ protocol: 'http' }))
  const login =
    options.credentials === undefined
      ? ''
      : `${encodeURIComponent(CREDENTIALS.user)}:${encodeURIComponent(CREDENTIALS.password)}@`
  const scheme = options.tls === true ? 'https' : 'http'
  const daemon = stack.use(
    await startTestDaemon({
      env: {
        CODER_AIBRIDGE_PROXY_UPSTREAM: `${scheme}://${login}localhost:${squid.port}`,
        ...(options.tls === true ? { CODER_AIBRIDGE_PROXY_UPSTREAM_CA: testPki().certFile } : {}),
        ...mayReach(site.port, plain.port),
        CODER_AIBRIDGE_PROVIDER_0_TYPE: 'openai',
        CODER_AIBRIDGE_PROVIDER_0_KEY: KEY,
        CODER_AIBRIDGE_PROVIDER_0_BASE_URL: `${provider.url}/v1`,
        CODER_AIBRIDGE_PROVIDER_0_CA_FILE: testPki().certFile,
      },
    }),
  )
  const owned = stack.move()
  return {
    daemon,
    provider,
    site,
    plain,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function tunnelledRequest({ daemon, site }: World): Promise<void> {
  const { head, socket } = await connectThrough(daemon.proxy, site.authority, daemon)
  assert.equal(head.status, 200)
  const secure = await secureOver(socket, { servername: 'localhost', ca: testPki().certPem })
  const response = await responseTo(requestOver(secure, { path: '/' }))
  assert.equal(response.statusCode, 200)
  response.resume()
  await once(response, 'end')
  secure.destroy()
}

async function plainRequest({ daemon, plain }: World): Promise<void> {
  const socket = await connectRaw(daemon.proxy)
  const authorization = Buffer.from(daemon.credentials).toString('base64')
  socket.write(
    `GET http://${plain.authority}/a?b HTTP/1.1\r\nHost: ${plain.authority}\r\nConnection: close\r\nProxy-Authorization: Basic ${authorization}\r\n\r\n`,
  )
  assert.equal((await readHead(socket)).status, 200)
  await readToEnd(socket)
  socket.destroy()
}

async function intercepted(world: World): ReturnType<typeof secureOver> {
  const { daemon } = world
  const { socket } = await connectThrough(daemon.proxy, 'api.openai.com:443', daemon)
  return await secureOver(socket, { servername: 'api.openai.com', ca: daemon.caPem })
}

async function providerCall(world: World): Promise<void> {
  const secure = await intercepted(world)
  const headers = { host: 'api.openai.com', 'content-type': 'application/json' }
  const request = requestOver(secure, { method: 'POST', path: '/v1/chat/completions', headers })
  const response = await responseTo(request, '{"model":"gpt-5","stream":true,"messages":[]}')
  assert.equal(response.statusCode, 200)
  response.resume()
  await once(response, 'end')
  secure.destroy()
}

async function webSocket(world: World): Promise<void> {
  const secure = await intercepted(world)
  secure.write(
    [
      'GET /v1/responses HTTP/1.1',
      'Host: api.openai.com',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      '\r\n',
    ].join('\r\n'),
  )
  const head = await readHead(secure)
  assert.equal(head.status, 101)
  assert.equal(head.header('sec-websocket-accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  secure.destroy()
}

const VARIANTS: [name: string, options: SquidOptions][] = [
  ['a plain squid', {}],
  ['a squid that wants credentials', { credentials: CREDENTIALS }],
  ['a squid behind TLS with a CA of its own', { tls: true }],
  ['a squid behind TLS that wants credentials', { tls: true, credentials: CREDENTIALS }],
]

describe('with an upstream proxy every leg goes through it', { skip: squidMissing() }, () => {
  for (const [name, options] of VARIANTS) {
    it(name, async () => {
      await using world = await startWorld(options)
      assert.equal(await peerOf(world.site, () => tunnelledRequest(world)), SQUID_ADDRESS)
      assert.equal(await peerOf(world.plain, () => plainRequest(world)), SQUID_ADDRESS)
      await providerCall(world)
      await webSocket(world)
      assert.ok(world.provider.sawInHeaders(KEY))
      assert.deepEqual([...new Set(world.provider.peers)], [SQUID_ADDRESS])
      for (const event of world.daemon.events) {
        if (event.type === 'connect_ended' && event.outcome !== 'mitm') {
          assert.equal(event.route, 'upstream')
        }
      }
    })
  }

  it('and one that refuses or is gone answers 502 with its reason', async () => {
    const daemon = await startTestDaemon({
      env: {
        CODER_AIBRIDGE_PROXY_UPSTREAM: 'http://localhost:1',
        ...mayReach(),
      },
    })
    const { head, socket } = await connectThrough(daemon.proxy, '127.0.0.1:443', daemon)
    assert.equal(head.status, 502)
    assert.equal(head.header('x-aibridge-reason'), 'upstream_proxy_failed')
    socket.destroy()
    const { socket: ai } = await connectThrough(daemon.proxy, 'api.openai.com:443', daemon)
    const secure = await secureOver(ai, { servername: 'api.openai.com', ca: daemon.caPem })
    const request = requestOver(secure, {
      path: '/v1/models',
      headers: { host: 'api.openai.com', authorization: 'Bearer mine' },
    })
    const response = await responseTo(request)
    assert.equal(response.statusCode, 502)
    assert.equal(response.headers['x-aibridge-reason'], 'provider_unreachable')
    secure.destroy()
    await daemon[Symbol.asyncDispose]()
  })
})
