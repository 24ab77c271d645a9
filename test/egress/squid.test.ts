import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net'
import { describe, it } from 'node:test'
import { createOriginAgent } from '../../src/egress/agents.ts'
import { dial } from '../../src/egress/dial.ts'
import { createLoopMark } from '../../src/egress/loop.ts'
import { createOpen, type OpenDeps } from '../../src/egress/open.ts'
import { createOriginDial } from '../../src/egress/origin-dial.ts'
import { createOpenPlain } from '../../src/egress/plain.ts'
import { sendRequest } from '../../src/egress/request.ts'
import { createResolver } from '../../src/egress/resolve.ts'
import { createUpstream, type Upstream } from '../../src/egress/upstream.ts'
import { Refusal } from '../../src/kernel/error.ts'
import { Secret } from '../../src/kernel/secret.ts'
import { parseAuthority, type Target, type UpstreamProxy } from '../../src/kernel/target.ts'
import { listenOnLoopback } from '../support/listen.ts'
import { testPki } from '../support/pki.ts'
import { readBytes } from '../support/raw-client.ts'
import { SQUID_ADDRESS, type Squid, squidMissing, startSquid } from '../support/squid.ts'

const USER = 'team proxy'
const PASSWORD = '@:%/ü "x\\'
const never = new AbortController().signal

function target(authority: string): Target {
  const parsed = parseAuthority(authority)
  assert.ok(parsed.ok)
  return parsed.target
}

interface Served extends AsyncDisposable {
  readonly port: number
  /** Who has connected; whoever is not squid is a leak. */
  readonly peers: string[]
}

async function serve(server: TcpServer): Promise<Served> {
  const peers: string[] = []
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    peers.push(socket.remoteAddress ?? '')
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
  })
  const port = await listenOnLoopback(server)
  return {
    port,
    peers,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A caller's wish to get there. */
const going = (to: Target) => ({ target: to, caller: 'ada', via: [] })

const resolve = createResolver({
  timeoutMs: 1000,
  // As the outside world would answer; squid has a hosts file of its own.
  lookup: () => Promise.resolve([{ address: '93.184.216.34', family: 4 }]),
})
const own = (): boolean => false
const timeouts = { connectTimeoutMs: 5000, tlsHandshakeTimeoutMs: 5000, ownCas: [] }

function upstreamTo(squid: Squid, proxy: Partial<UpstreamProxy> = {}): Upstream {
  const { caPem } = proxy
  return createUpstream({
    proxy: {
      protocol: 'http',
      target: target(`localhost:${squid.port}`),
      credentials: undefined,
      caPem: undefined,
      ...proxy,
    },
    roots: caPem === undefined ? [] : [caPem],
    resolve,
    dial,
    own,
    loop: createLoopMark(),
    ...timeouts,
  })
}

function openDeps(upstream: Upstream): OpenDeps {
  const guard = { allowedPrivateCidrs: [], nat64Prefixes: [], own }
  return { resolve, dial, guard, upstream, upstreamResolves: false, connectTimeoutMs: 5000 }
}

async function answerOf(
  request: ReturnType<typeof sendRequest>,
): Promise<[IncomingMessage, string]> {
  const response = new Promise<IncomingMessage>((fulfil, reject) => {
    request.once('response', fulfil).once('error', reject)
  })
  const message = await response
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  return [message, Buffer.concat(chunks).toString()]
}

describe('through a real squid', { skip: squidMissing() }, () => {
  for (const [kind, tls] of [
    ['http', false],
    ['https', true],
  ] as const) {
    it(`tunnels over ${kind} with awkward credentials, and never directly`, async () => {
      await using squid = await startSquid({
        tls,
        credentials: { user: USER, password: PASSWORD },
        hosts: ['echo.test'],
      })
      const server = createTcpServer({ allowHalfOpen: true }, socket => socket.pipe(socket))
      await using served = await serve(server)
      const { port, peers } = served
      const upstream = upstreamTo(squid, {
        protocol: kind,
        credentials: new Secret(`${USER}:${PASSWORD}`),
        caPem: testPki().certPem,
      })

      const opened = await createOpen(openDeps(upstream))(going(target(`echo.test:${port}`)), never)
      assert.equal(opened.route, 'upstream')
      opened.socket.write('hello')
      assert.equal((await readBytes(opened.socket, 5)).toString(), 'hello')
      opened.socket.destroy()
      assert.deepEqual(peers, [SQUID_ADDRESS])
    })
  }

  it('says that wrong credentials were refused, without naming them', async () => {
    await using squid = await startSquid({ credentials: { user: USER, password: PASSWORD } })
    const upstream = upstreamTo(squid, { credentials: new Secret(`${USER}:wrong-secret`) })
    const open = createOpen(openDeps(upstream))
    await assert.rejects(open(going(target('echo.test:443')), never), (error: Refusal) => {
      assert.equal(error.reason, 'upstream_proxy_refused')
      assert.equal(error.detail, 'status 407')
      assert.doesNotMatch(error.message, /wrong|team/)
      return true
    })
  })

  it('passes on that squid cannot reach the target', async () => {
    await using squid = await startSquid({ hosts: ['dead.test'] })
    const open = createOpen(openDeps(upstreamTo(squid)))
    await assert.rejects(
      open(going(target('dead.test:1')), never),
      new Refusal('upstream_proxy_refused', 'status 503'),
    )
  })

  it('does not trust a proxy certificate of an unknown CA', async () => {
    await using squid = await startSquid({ tls: true })
    const open = createOpen(openDeps(upstreamTo(squid, { protocol: 'https' })))
    await assert.rejects(open(going(target('echo.test:443')), never), {
      reason: 'upstream_proxy_failed',
    })
  })

  for (const kind of ['http', 'https'] as const) {
    it(`speaks verified TLS to a provider through an ${kind} proxy, one connection for two calls`, async () => {
      await using squid = await startSquid({ tls: kind === 'https', hosts: ['provider.test'] })
      const { certPem: cert, keyPem: key } = testPki().issue(['provider.test'])
      const server = createHttpsServer({ cert, key }, (request, response) => {
        response.end(`${request.method} ${request.url} ${request.headers.host}`)
      })
      await using served = await serve(server)
      const { port, peers } = served
      const origin = { protocol: 'https', target: target(`provider.test:${port}`) } as const
      const upstream = upstreamTo(squid, { protocol: kind, caPem: testPki().certPem })
      const connect = createOriginDial(origin, [testPki().certPem], {
        resolve,
        dial,
        own,
        upstream,
        ...timeouts,
      })
      const agent = createOriginAgent(connect)

      for (const path of ['/v1/a%2Fb?x=1', '/v1/../c']) {
        const request = sendRequest(agent, {
          method: 'GET',
          path,
          headers: ['Host', origin.target.text],
        })
        request.end()
        const [, body] = await answerOf(request)
        assert.equal(body, `GET ${path} provider.test:${port}`)
      }
      assert.deepEqual(peers, [SQUID_ADDRESS])
      agent.destroy()
    })
  }

  it("does not let the proxy's CA vouch for a provider", async () => {
    await using squid = await startSquid({ tls: true, hosts: ['provider.test'] })
    const { certPem: cert, keyPem: key } = testPki().issue(['provider.test'])
    const server = createHttpsServer({ cert, key })
    await using served = await serve(server)
    const { port } = served
    const origin = { protocol: 'https', target: target(`provider.test:${port}`) } as const
    const upstream = upstreamTo(squid, { protocol: 'https', caPem: testPki().certPem })
    const connect = createOriginDial(origin, [], { resolve, dial, own, upstream, ...timeouts })
    await assert.rejects(connect(never), { reason: 'provider_tls' })
  })

  for (const kind of ['http', 'https'] as const) {
    it(`sends plain requests in absolute form through an ${kind} proxy, bytes of the path kept`, async () => {
      await using squid = await startSquid({
        tls: kind === 'https',
        credentials: { user: USER, password: PASSWORD },
        hosts: ['plain.test'],
      })
      const server = createHttpServer((request, response) => {
        response.setHeader('x-seen', JSON.stringify(request.rawHeaders))
        response.write(`${request.method} ${request.url} `)
        request.pipe(response)
      })
      await using served = await serve(server)
      const { port, peers } = served
      const upstream = upstreamTo(squid, {
        protocol: kind,
        credentials: new Secret(`${USER}:${PASSWORD}`),
        caPem: testPki().certPem,
      })
      const plain = target(`plain.test:${port}`)
      const leg = await createOpenPlain(openDeps(upstream))(going(plain), never)
      assert.equal(leg.route, 'upstream')

      const request = leg.send({
        method: 'POST',
        path: '/a/%2e%2e/b|c?d',
        headers: ['Host', plain.text, 'X-Twice', '1', 'x-twice', '2', 'Content-Length', '4'],
      })
      request.end('body')
      const [message, body] = await answerOf(request)
      assert.equal(body, 'POST /a/%2e%2e/b|c?d body')
      const seen = String(message.headers['x-seen'])
      assert.match(seen, /"1".*"2"/)
      assert.match(seen, /aibridgeproxyd-[0-9a-f]+, 1\.1 squid\.test/)
      assert.doesNotMatch(seen, /proxy-authorization/i)
      assert.deepEqual(peers, [SQUID_ADDRESS])
    })
  }

  it('judges before the proxy hears of it', async () => {
    await using squid = await startSquid()
    const deps = {
      ...openDeps(upstreamTo(squid)),
      resolve: createResolver({
        timeoutMs: 1000,
        lookup: () => Promise.resolve([{ address: '10.0.0.5', family: 4 }]),
      }),
    }
    await assert.rejects(createOpen(deps)(going(target('x.example:443')), never), {
      reason: 'private',
    })
    await assert.rejects(createOpenPlain(deps)(going(target('x.example:80')), never), {
      reason: 'private',
    })
    await assert.rejects(createOpen(deps)(going(target('10.0.0.5:443')), never), {
      reason: 'private',
    })
    assert.doesNotMatch(squid.accessLog(), /CONNECT|http:|10\.0\.0\.5/)
  })
})
