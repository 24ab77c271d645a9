import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { dial } from '../../src/egress/dial.ts'
import { createLoopMark } from '../../src/egress/loop.ts'
import { createResolver } from '../../src/egress/resolve.ts'
import { createUpstream, type Upstream, type UpstreamDeps } from '../../src/egress/upstream.ts'
import { Refusal } from '../../src/kernel/error.ts'
import { Secret } from '../../src/kernel/secret.ts'
import { parseAuthority, type Target } from '../../src/kernel/target.ts'
import { type Origin, startTcpOrigin } from '../support/origin.ts'
import { readBytes, readHead, readToEnd } from '../support/raw-client.ts'

const never = new AbortController().signal
const loop = createLoopMark()

function target(authority: string): Target {
  const parsed = parseAuthority(authority)
  assert.ok(parsed.ok)
  return parsed.target
}

function upstreamAt(port: number, change: Partial<UpstreamDeps> = {}): Upstream {
  return createUpstream({
    proxy: {
      protocol: 'http',
      target: target(`127.0.0.1:${port}`),
      credentials: new Secret('user:top-secret'),
      caPem: undefined,
    },
    roots: [],
    resolve: createResolver({ timeoutMs: 1000 }),
    dial,
    own: () => false,
    loop,
    connectTimeoutMs: 2000,
    tlsHandshakeTimeoutMs: 2000,
    ownCas: [],
    ...change,
  })
}

const tunnel = (proxy: Origin, change: Partial<UpstreamDeps> = {}): Promise<Socket> =>
  upstreamAt(proxy.port, change).tunnel(target('a.example:443'), never)

/** Waits for the whole head before it does anything, as proxies do. */
const afterHead = (act: (socket: Socket) => void) => (socket: Socket) => {
  void readHead(socket).then(
    () => act(socket),
    () => socket.destroy(),
  )
}
const answering = (text: string): Promise<Origin> =>
  startTcpOrigin(afterHead(socket => socket.write(text)))

async function refusal(opened: Promise<Socket>): Promise<Refusal> {
  const error = await opened.then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof Refusal, String(error))
  assert.doesNotMatch(String(error.stack), /top-secret|dXNlcjp/)
  return error
}

describe('createUpstream', () => {
  it('writes one CONNECT with Host, Via and credentials', async () => {
    let head = ''
    await using proxy = await startTcpOrigin(socket => {
      void readHead(socket).then(seen => {
        head = [seen.startLine, ...seen.headers.map(pair => pair.join(': '))].join('\n')
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
      })
    })
    const socket = await upstreamAt(proxy.port).tunnel(target('[2606:4700::1]:443'), never, {
      via: ['1.1 first, 1.0 second', '1.1 third'],
    })
    socket.destroy()
    assert.equal(
      head,
      [
        'CONNECT [2606:4700::1]:443 HTTP/1.1',
        'host: [2606:4700::1]:443',
        `via: 1.1 first, 1.0 second, 1.1 third, ${loop.chain([])}`,
        `proxy-authorization: Basic ${btoa('user:top-secret')}`,
      ].join('\n'),
    )
  })

  it('keeps the bytes that follow the head, and skips interim answers', async () => {
    await using proxy = await answering(
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 200\r\nX: y\r\n\r\nearly bytes',
    )
    const socket = await tunnel(proxy)
    assert.equal((await readBytes(socket, 11)).toString(), 'early bytes')
    socket.destroy()
  })

  it('hands over a socket that flows for whoever listens', async () => {
    await using proxy = await answering('HTTP/1.1 200 OK\r\n\r\nearly')
    const socket = await tunnel(proxy)
    const [chunk] = await once(socket, 'data')
    assert.equal(String(chunk), 'early')
    socket.destroy()
  })

  it('reads a head that arrives byte by byte', async () => {
    const reply = 'HTTP/1.1 200 Fine\r\nA: b\r\n\r\nx'
    await using proxy = await startTcpOrigin(
      afterHead(socket => {
        socket.setNoDelay(true)
        const send = (i: number): void => {
          if (i < reply.length) socket.write(reply[i] ?? '', () => setImmediate(send, i + 1))
        }
        send(0)
      }),
    )
    const socket = await tunnel(proxy)
    assert.equal((await readBytes(socket, 1)).toString(), 'x')
    socket.destroy()
  })

  it('passes on an end right after 200', async () => {
    await using proxy = await startTcpOrigin(
      afterHead(socket => socket.end('HTTP/1.1 200 OK\r\n\r\n')),
    )
    assert.equal((await readToEnd(await tunnel(proxy))).length, 0)
  })

  for (const status of [302, 403, 407, 502]) {
    it(`calls status ${status} a refusal, once`, async () => {
      await using proxy = await answering(
        `HTTP/1.1 ${status} No\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n`,
      )
      const { reason, detail } = await refusal(tunnel(proxy))
      assert.deepEqual([reason, detail], ['upstream_proxy_refused', `status ${status}`])
      assert.equal(proxy.connections, 1)
    })
  }

  for (const [what, reply] of [
    ['a head of 64 KiB', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(65_536)}\r\n\r\n`],
    ['interim answers without end', 'HTTP/1.1 103 Early\r\n\r\n'.repeat(1000)],
    ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n'],
    ['a switch of protocols', 'HTTP/1.1 101 Switching\r\n\r\n'],
    ['something else', 'SSH-2.0-OpenSSH_9.2p1\r\n\r\n'],
  ] as const) {
    it(`calls ${what} a failure`, async () => {
      await using proxy = await answering(reply)
      assert.equal((await refusal(tunnel(proxy))).reason, 'upstream_proxy_failed')
    })
  }

  it('calls a proxy that dies a failure, by end and by reset', async () => {
    for (const die of [(s: Socket) => s.end('HTTP/1.1 2'), (s: Socket) => s.resetAndDestroy()]) {
      await using proxy = await startTcpOrigin(afterHead(die))
      assert.equal((await refusal(tunnel(proxy))).reason, 'upstream_proxy_failed')
      assert.equal(proxy.connections, 1)
    }
  })

  it('gives a proxy that says too little a limited time', async () => {
    await using proxy = await answering('HTTP/1.1 200 OK\r\n')
    const { reason } = await refusal(tunnel(proxy, { connectTimeoutMs: 100 }))
    assert.equal(reason, 'upstream_proxy_timeout')
  })

  it('says that the proxy cannot be reached', async () => {
    const proxy = await startTcpOrigin(() => undefined)
    await proxy[Symbol.asyncDispose]()
    const { reason, detail } = await refusal(tunnel(proxy))
    assert.equal(reason, 'upstream_proxy_failed')
    assert.match(String(detail), /ECONNREFUSED/)
  })

  it('closes the connection when the client goes', async () => {
    await using proxy = await startTcpOrigin(() => undefined)
    const abort = new AbortController()
    const connection = proxy.nextConnection()
    const opened = upstreamAt(proxy.port).tunnel(target('a.example:443'), abort.signal)
    const socket = await connection
    await readHead(socket)
    abort.abort(new Error('the client is gone'))
    await assert.rejects(opened, /the client is gone/)
    await readToEnd(socket)
  })

  it('does not send a request round in circles', async () => {
    await using proxy = await answering('HTTP/1.1 200 OK\r\n\r\n')
    const upstream = upstreamAt(proxy.port)
    const again = upstream.tunnel(target('a.example:443'), never, {
      via: [`1.1 other, ${loop.chain([])}`],
    })
    assert.equal((await refusal(again)).reason, 'self')
    const far = upstream.tunnel(target('a.example:443'), never, {
      via: ['1.1 hop,'.repeat(30)],
    })
    assert.equal((await refusal(far)).reason, 'self')
    assert.equal((await refusal(tunnel(proxy, { own: () => true }))).reason, 'self')
    assert.equal(proxy.connections, 0)
    assert.equal(loop.seenIn(['1.1 aibridgeproxyd-other']), false)
  })
})
