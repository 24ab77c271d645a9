import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { mayReach, startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import {
  answerAfterEnd,
  echo,
  type Origin,
  speakFirst,
  startHttpOrigin,
  startTcpOrigin,
} from '../support/origin.ts'
import { testPki } from '../support/pki.ts'
import {
  connectRaw,
  connectThrough,
  readBytes,
  readHead,
  readToEnd,
  requestOver,
  responseTo,
  secureOver,
} from '../support/raw-client.ts'

/** A daemon that lets these loopback ports be reached. */
function startFor(...origins: readonly Origin[]): Promise<TestDaemon> {
  return startTestDaemon({ env: mayReach(...origins.map(({ port }) => port)) })
}

describe('a tunnel', () => {
  it('carries bytes both ways unchanged, and counts them', async () => {
    await using origin = await startTcpOrigin(echo)
    await using daemon = await startFor(origin)
    const { head, socket } = await connectThrough(daemon.proxy, origin.authority, daemon)
    assert.equal(head.status, 200)
    const sent = randomBytes(3 << 20)
    socket.end(sent)
    assert.ok((await readToEnd(socket)).equals(sent))
    const ended = await daemon.event('connect_ended')
    assert.equal(ended.outcome, 'tunneled')
    assert.equal(ended.target, origin.authority)
    assert.equal(ended.user, 'ada')
    assert.equal(ended.bytesUp, sent.length)
    assert.equal(ended.bytesDown, sent.length)
  })

  it("shows the origin the client's own handshake", async () => {
    const hello = Promise.withResolvers<Buffer>()
    await using origin = await startTcpOrigin(socket => {
      socket.once('data', (chunk: Buffer) => hello.resolve(chunk))
    })
    await using daemon = await startFor(origin)
    const { socket } = await connectThrough(daemon.proxy, origin.authority, daemon)
    const clientHello = randomBytes(517)
    socket.write(clientHello)
    assert.ok((await hello.promise).equals(clientHello))
    socket.destroy()
  })

  it('reaches a TLS origin whose certificate is not ours', async () => {
    await using origin = await startHttpOrigin()
    await using daemon = await startFor(origin)
    const { socket } = await connectThrough(daemon.proxy, origin.authority, daemon)
    const secure = await secureOver(socket, { servername: 'localhost', ca: testPki().certPem })
    const response = await responseTo(requestOver(secure, { path: '/' }))
    assert.equal(response.statusCode, 200)
    response.resume()
    await once(response, 'end')
    secure.destroy()
  })

  it('delivers bytes that came in one packet with the CONNECT, once', async () => {
    await using origin = await startTcpOrigin(echo)
    await using daemon = await startFor(origin)
    const { socket } = await connectThrough(daemon.proxy, origin.authority, {
      ...daemon,
      early: 'early',
    })
    socket.end('-late')
    assert.equal(String(await readToEnd(socket)), 'early-late')
  })

  it('does not wait for the client when the server speaks first', async () => {
    await using origin = await startTcpOrigin(speakFirst('220 ready\r\n'))
    await using daemon = await startFor(origin)
    const { socket } = await connectThrough(daemon.proxy, origin.authority, daemon)
    assert.equal(String(await readBytes(socket, 11)), '220 ready\r\n')
    socket.destroy()
  })

  it('lets the origin answer after the client has ended', async () => {
    await using origin = await startTcpOrigin(answerAfterEnd(received => `got ${String(received)}`))
    await using daemon = await startFor(origin)
    const { socket } = await connectThrough(daemon.proxy, origin.authority, daemon)
    socket.end('all')
    assert.equal(String(await readToEnd(socket)), 'got all')
  })

  it('lets the client go on after the origin has ended', async () => {
    const rest = Promise.withResolvers<Buffer>()
    await using origin = await startTcpOrigin(socket => {
      socket.end('bye')
      void readToEnd(socket).then(rest.resolve)
    })
    await using daemon = await startFor(origin)
    const { socket } = await connectThrough(daemon.proxy, origin.authority, daemon)
    assert.equal(String(await readToEnd(socket)), 'bye')
    socket.end('one more thing')
    assert.equal(String(await rest.promise), 'one more thing')
  })

  it('passes a reset of the origin on as a reset', async () => {
    await using origin = await startTcpOrigin(socket => {
      socket.once('data', () => socket.resetAndDestroy())
    })
    await using daemon = await startFor(origin)
    const { socket } = await connectThrough(daemon.proxy, origin.authority, daemon)
    socket.removeAllListeners('error')
    const reset = once(socket, 'error') as Promise<[NodeJS.ErrnoException]>
    socket.resume()
    socket.write('x')
    assert.equal((await reset)[0].code, 'ECONNRESET')
  })

  it('closes the origin within a second when the client goes away', async () => {
    const closed = Promise.withResolvers<void>()
    await using origin = await startTcpOrigin(socket => {
      socket.on('error', () => {})
      socket.resume()
      socket.once('close', () => closed.resolve())
    })
    await using daemon = await startFor(origin)
    const { socket } = await connectThrough(daemon.proxy, origin.authority, daemon)
    socket.resetAndDestroy()
    await closed.promise
    assert.equal((await daemon.event('connect_ended')).outcome, 'tunneled')
  })

  it('ends after the idle limit', async () => {
    await using origin = await startTcpOrigin(echo)
    await using daemon = await startTestDaemon({
      env: {
        ...mayReach(origin.port),
        CODER_AIBRIDGE_PROXY_TUNNEL_IDLE_TIMEOUT: '1s',
      },
    })
    const { socket } = await connectThrough(daemon.proxy, origin.authority, daemon)
    await readToEnd(socket)
    assert.equal((await daemon.event('connect_ended')).detail, 'tunnel idle')
  })

  it('answers a dead target with 502 and a body', async () => {
    await using origin = await startTcpOrigin(echo)
    await using daemon = await startFor(origin)
    const { authority } = origin
    await origin[Symbol.asyncDispose]()
    const { head, socket } = await connectThrough(daemon.proxy, authority, daemon)
    assert.equal(head.status, 502)
    assert.equal(head.header('x-aibridge-reason'), 'connect_failed')
    assert.match(String(await readToEnd(socket)), /^connect_failed: /)
  })
})

describe('CONNECT as real clients send it', () => {
  let origin: Origin
  let daemon: TestDaemon
  before(async () => {
    origin = await startTcpOrigin(echo)
    daemon = await startFor(origin)
  })
  after(async () => {
    await daemon[Symbol.asyncDispose]()
    await origin[Symbol.asyncDispose]()
  })

  const basic = (): string =>
    `Proxy-Authorization: Basic ${Buffer.from(daemon.credentials).toString('base64')}`

  async function send(
    ...lines: readonly string[]
  ): Promise<{ status: number; reason: string | undefined }> {
    const socket = await connectRaw(daemon.proxy)
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    const head = await readHead(socket)
    socket.destroy()
    return { status: head.status, reason: head.header('x-aibridge-reason') }
  }
  const ok = { status: 200, reason: undefined }

  it('works in HTTP/1.0 without Host', async () => {
    assert.deepEqual(await send(`CONNECT ${origin.authority} HTTP/1.0`, basic()), ok)
  })

  it('works in HTTP/1.1 without Host', async () => {
    assert.deepEqual(await send(`CONNECT ${origin.authority} HTTP/1.1`, basic()), ok)
  })

  it('works with a Host that has no port, or names something else', async () => {
    for (const host of ['localhost', 'other.example', '']) {
      assert.deepEqual(
        await send(`CONNECT ${origin.authority} HTTP/1.1`, `Host: ${host}`, basic()),
        ok,
      )
    }
  })

  it('works with Connection: close and Proxy-Connection', async () => {
    const lines = [basic(), 'Connection: close', 'Proxy-Connection: Keep-Alive']
    assert.deepEqual(await send(`CONNECT ${origin.authority} HTTP/1.1`, ...lines), ok)
  })

  it('is refused with two Hosts', async () => {
    assert.deepEqual(
      await send(`CONNECT ${origin.authority} HTTP/1.1`, 'Host: a', 'Host: b', basic()),
      { status: 400, reason: 'host_conflict' },
    )
  })

  it('is refused with a body', async () => {
    for (const framing of ['Content-Length: 5', 'Transfer-Encoding: chunked']) {
      assert.deepEqual(await send(`CONNECT ${origin.authority} HTTP/1.1`, basic(), framing), {
        status: 400,
        reason: 'connect_with_body',
      })
    }
  })

  it('is refused in a version that is none', async () => {
    const { status } = await send(`CONNECT ${origin.authority} HTTP/2.0`, basic())
    assert.equal(status, 400)
  })

  it('is refused with more headers or bytes than a head may have', async () => {
    const many = Array.from({ length: 101 }, (_, i) => `X-${i}: 1`)
    assert.deepEqual(await send(`CONNECT ${origin.authority} HTTP/1.1`, basic(), ...many), {
      status: 431,
      reason: 'head_too_large',
    })
    const long = `X: ${'x'.repeat(17 * 1024)}`
    assert.deepEqual(await send(`CONNECT ${origin.authority} HTTP/1.1`, basic(), long), {
      status: 431,
      reason: 'head_too_large',
    })
  })
})
