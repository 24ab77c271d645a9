import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Agent, IncomingMessage, RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { TLSSocket } from 'node:tls'
import { createOriginAgent } from '../../src/egress/agents.ts'
import { dial } from '../../src/egress/dial.ts'
import { createOriginDial, type OriginDialDeps } from '../../src/egress/origin-dial.ts'
import { createOpenPlain } from '../../src/egress/plain.ts'
import { sendRequest } from '../../src/egress/request.ts'
import { createResolver } from '../../src/egress/resolve.ts'
import type { Upstream } from '../../src/egress/upstream.ts'
import { parseCidr } from '../../src/kernel/address.ts'
import { Refusal } from '../../src/kernel/error.ts'
import type { RawHeaders } from '../../src/kernel/headers.ts'
import { type Origin as Configured, parseAuthority } from '../../src/kernel/target.ts'
import { startHttpOrigin, startTcpOrigin } from '../support/origin.ts'
import { createPki, testPki } from '../support/pki.ts'

const never = new AbortController().signal
const deps: OriginDialDeps = {
  resolve: createResolver({ timeoutMs: 1000 }),
  dial,
  own: () => false,
  upstream: undefined,
  connectTimeoutMs: 2000,
  tlsHandshakeTimeoutMs: 2000,
  ownCas: [],
}

function originAt(authority: string, protocol: 'http' | 'https' = 'https'): Configured {
  const parsed = parseAuthority(authority)
  assert.ok(parsed.ok)
  return { protocol, target: parsed.target }
}

const dialTo = (
  origin: Configured,
  change: Partial<OriginDialDeps> = {},
  roots = [testPki().certPem],
) => createOriginDial(origin, roots, { ...deps, ...change })

describe('createOriginDial', () => {
  it('speaks verified HTTP/1.1 over TLS, by name and by address', async () => {
    await using server = await startHttpOrigin({ protocol: 'h2' })
    for (const host of ['localhost', '127.0.0.1']) {
      const opened = await dialTo(originAt(`${host}:${server.port}`))(never)
      assert.ok(opened.socket instanceof TLSSocket)
      assert.equal(opened.socket.authorized, true)
      assert.equal(opened.socket.alpnProtocol, 'http/1.1')
      assert.equal(opened.route, 'direct')
      assert.equal(opened.address, '127.0.0.1')
      opened.socket.destroy()
    }
  })

  it('resumes its session', async () => {
    await using server = await startHttpOrigin()
    const connect = dialTo(originAt(server.authority))
    const reused: boolean[] = []
    for (let i = 0; i < 2; i += 1) {
      const { socket } = await connect(never)
      assert.ok(socket instanceof TLSSocket)
      reused.push(socket.isSessionReused())
      if (i === 0) {
        socket.resume()
        await once(socket, 'session')
      }
      socket.destroy()
    }
    assert.deepEqual(reused, [false, true])
  })

  it('sends nothing to an origin that it cannot verify', async () => {
    await using server = await startHttpOrigin()
    const wrongRoots = dialTo(originAt(server.authority), {}, [createPki('Another').certPem])
    await assert.rejects(wrongRoots(never), { reason: 'provider_tls' })
    const alias = dialTo(originAt(`provider.test:${server.port}`), {
      resolve: createResolver({
        timeoutMs: 1000,
        lookup: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
      }),
    })
    await assert.rejects(alias(never), { reason: 'provider_tls' })
  })

  it('verifies whatever the environment says', async () => {
    await using server = await startHttpOrigin()
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    try {
      const connect = dialTo(originAt(server.authority), {}, [createPki('Another').certPem])
      await assert.rejects(connect(never), { reason: 'provider_tls' })
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    }
  })

  it('tells trouble with the connection from trouble with the certificate', async () => {
    await using silent = await startTcpOrigin(() => undefined)
    const slow = dialTo(originAt(silent.authority), { tlsHandshakeTimeoutMs: 100 })
    await assert.rejects(slow(never), { reason: 'provider_timeout' })

    await using rude = await startTcpOrigin(socket => {
      socket.once('data', () => socket.resetAndDestroy())
    })
    await assert.rejects(dialTo(originAt(rude.authority))(never), {
      reason: 'provider_unreachable',
    })

    await using hasty = await startTcpOrigin(socket => socket.end())
    await assert.rejects(dialTo(originAt(hasty.authority))(never), {
      reason: 'provider_unreachable',
    })
  })

  it('says what lay behind a failure', async () => {
    const lookup = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }))
    const unknown = dialTo(originAt('provider.test:443'), {
      resolve: createResolver({ timeoutMs: 1000, lookup }),
    })
    await assert.rejects(unknown(never), (error: Refusal) => {
      assert.equal(error.reason, 'provider_unreachable')
      assert.match(String(error.detail), /^dns_not_found/)
      return true
    })
    const own = dialTo(originAt('127.0.0.1:443'), { own: () => true })
    await assert.rejects(own(never), /^Refusal: provider_unreachable: self/)
  })

  it('bypasses a distant upstream proxy for loopback origins, and for no other', async () => {
    await using server = await startHttpOrigin()
    const refusing: Upstream = {
      isLocal: false,
      proxy: { ...originAt('proxy.test:3128'), credentials: undefined, caPem: undefined },
      open: () => Promise.reject(new Error('used')),
      tunnel: () => Promise.reject(new Refusal('upstream_proxy_timeout', 'used')),
      via: () => '',
      authorization: () => undefined,
    }
    for (const host of ['localhost', '127.0.0.1']) {
      const connect = dialTo(originAt(`${host}:${server.port}`), { upstream: refusing })
      const { socket } = await connect(never)
      socket.destroy()
    }
    for (const host of ['provider.test', '10.0.0.1']) {
      const connect = dialTo(originAt(`${host}:443`), { upstream: refusing })
      await assert.rejects(connect(never), { reason: 'provider_timeout' })
    }
    const local = dialTo(originAt(`localhost:${server.port}`), {
      upstream: { ...refusing, isLocal: true },
    })
    await assert.rejects(local(never), { reason: 'provider_timeout' })
  })
})

async function get(
  agent: Agent,
  path: string,
  headers: RawHeaders,
): Promise<{ message: IncomingMessage; body: string }> {
  const request = sendRequest(agent, { method: 'GET', path, headers })
  request.end()
  const message = await new Promise<IncomingMessage>((fulfil, reject) => {
    request.once('response', fulfil).once('error', reject)
  })
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  return { message, body: Buffer.concat(chunks).toString() }
}

const showRaw: RequestListener = (request, response) => {
  response.end(JSON.stringify([request.url, request.rawHeaders]))
}

describe('createOriginAgent', () => {
  it('keeps the bytes of path and headers, and the connection', async () => {
    await using server = await startHttpOrigin({ handler: showRaw })
    const agent = createOriginAgent(dialTo(originAt(server.authority)))
    const headers = ['X-b', '1', 'HOST', server.authority, 'x-B', '2', 'Connection', 'keep-alive']
    for (let i = 0; i < 3; i += 1) {
      const { body } = await get(agent, '/a/../b%2F?{}', headers)
      assert.deepEqual(JSON.parse(body), ['/a/../b%2F?{}', headers])
    }
    assert.equal(server.connections, 1)
    agent.destroy()
  })

  it('has no idle limit while a request waits for its answer', async () => {
    const timeouts: unknown[] = []
    await using server = await startHttpOrigin({ protocol: 'http', handler: showRaw })
    const agent = createOriginAgent(dialTo(originAt(server.authority, 'http')))
    for (let i = 0; i < 2; i += 1) {
      const request = sendRequest(agent, { method: 'GET', path: '/', headers: ['Host', 'x'] })
      request.once('socket', (socket: Socket) => timeouts.push(socket.timeout ?? 0))
      request.end()
      const [message]: IncomingMessage[] = await once(request, 'response')
      message?.resume()
      await once(request, 'close')
    }
    assert.deepEqual(timeouts, [0, 0])
    assert.equal(server.connections, 1)
    agent.destroy()
  })

  it('does not keep a connection that the server is about to close', async () => {
    const handler: RequestListener = (_, response) => {
      response.setHeader('Connection', 'keep-alive')
      response.setHeader('Keep-Alive', 'timeout=1')
      response.end('x')
    }
    await using server = await startHttpOrigin({ protocol: 'http', handler })
    const agent = createOriginAgent(dialTo(originAt(server.authority, 'http')))
    await get(agent, '/', ['Host', 'x'])
    await get(agent, '/', ['Host', 'x'])
    assert.equal(server.connections, 2)
    agent.destroy()
  })

  it('hands a failure to the request as it is', async () => {
    const agent = createOriginAgent(dialTo(originAt('127.0.0.1:443'), { own: () => true }))
    await assert.rejects(get(agent, '/', ['Host', 'x']), { reason: 'provider_unreachable' })
  })

  it('breaks off connections that are being made when it is destroyed', async () => {
    await using silent = await startTcpOrigin(() => undefined)
    const agent = createOriginAgent(dialTo(originAt(silent.authority)))
    const accepted = silent.nextConnection()
    const request = get(agent, '/', ['Host', 'x'])
    await accepted
    agent.destroy()
    await assert.rejects(request, /the agent is closed/)
  })

  it('refuses headers that would split a message', () => {
    const agent = createOriginAgent(() => Promise.reject(new Error('never asked')))
    for (const headers of [
      ['Host', 'x\r\ny: z'],
      ['Ho st', 'x'],
    ]) {
      assert.throws(() => sendRequest(agent, { method: 'GET', path: '/', headers }))
    }
    assert.throws(() => sendRequest(agent, { method: 'GET', path: '/a b', headers: [] }))
  })
})

describe('createOpenPlain', () => {
  it('sends a plain request to a judged address, one connection each', async () => {
    await using server = await startHttpOrigin({ protocol: 'http' })
    const loopback = parseCidr('127.0.0.0/8')
    assert.ok(loopback)
    const open = createOpenPlain({
      ...deps,
      guard: { allowedPrivateCidrs: [loopback], nat64Prefixes: [], own: () => false },
      upstreamResolves: false,
    })
    const { target } = originAt(server.authority)
    for (const expected of [1, 2]) {
      const leg = await open({ target, caller: 'ada' }, never)
      assert.deepEqual([leg.route, leg.address], ['direct', '127.0.0.1'])
      const headers = ['Host', target.text, 'Content-Length', '5']
      const request = leg.send({ method: 'POST', path: '/x', headers })
      request.end('hello')
      const [message]: IncomingMessage[] = await once(request, 'response')
      assert.equal(message?.headers['x-path'], '/x')
      assert.equal(String((await message?.toArray())?.[0]), 'hello')
      assert.equal(server.connections, expected)
    }
  })
})
