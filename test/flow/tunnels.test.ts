import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
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
  type ConnectOptions,
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
  let behave: (socket: Socket) => void
  let origin: Origin
  let https: Origin
  let dead: Origin
  let daemon: TestDaemon
  before(async () => {
    origin = await startTcpOrigin(socket => behave(socket))
    https = await startHttpOrigin()
    dead = await startTcpOrigin(echo)
    await dead[Symbol.asyncDispose]()
    const { certFile, keyFile } = testPki().issue(['localhost'])
    daemon = await startTestDaemon({
      env: {
        ...mayReach(origin.port, https.port, dead.port),
        CODER_AIBRIDGE_PROXY_TLS_LISTEN_ADDR: '127.0.0.1:0',
        CODER_AIBRIDGE_PROXY_TLS_CERT_FILE: certFile,
        CODER_AIBRIDGE_PROXY_TLS_KEY_FILE: keyFile,
      },
    })
  })
  after(async () => {
    await daemon[Symbol.asyncDispose]()
    await https[Symbol.asyncDispose]()
    await origin[Symbol.asyncDispose]()
  })

  let ending: Promise<unknown> | undefined
  let opened: Socket | undefined
  // So that no test takes the end of an earlier tunnel for its own.
  afterEach(async () => {
    opened?.resetAndDestroy()
    await ending
  })

  /** A tunnel to an origin that does this, and the event of its end. */
  async function open(behaviour: typeof behave, options: ConnectOptions = {}, to = origin) {
    behave = behaviour
    const past = daemon.events.length
    const { head, socket } = await connectThrough(daemon.proxy, to.authority, {
      ...daemon,
      ...options,
    })
    assert.equal(head.status, 200)
    const ended = daemon.event('connect_ended', event => daemon.events.indexOf(event) >= past)
    opened = socket
    ending = ended
    return { socket, ended }
  }

  it('carries bytes both ways unchanged, and counts them', async () => {
    const { socket, ended: end } = await open(echo)
    const sent = randomBytes(3 << 20)
    socket.end(sent)
    assert.ok((await readToEnd(socket)).equals(sent))
    const ended = await end
    assert.equal(ended.outcome, 'tunneled')
    assert.equal(ended.target, origin.authority)
    assert.equal(ended.user, 'ada')
    assert.equal(ended.bytesUp, sent.length)
    assert.equal(ended.bytesDown, sent.length)
  })

  it("shows the origin the client's own handshake", async () => {
    const hello = Promise.withResolvers<Buffer>()
    const { socket } = await open(atOrigin => {
      atOrigin.once('data', (chunk: Buffer) => hello.resolve(chunk))
    })
    const clientHello = randomBytes(517)
    socket.write(clientHello)
    assert.ok((await hello.promise).equals(clientHello))
  })

  it('reaches a TLS origin whose certificate is not ours', async () => {
    const { socket } = await open(echo, {}, https)
    const secure = await secureOver(socket, { servername: 'localhost', ca: testPki().certPem })
    const response = await responseTo(requestOver(secure, { path: '/' }))
    assert.equal(response.statusCode, 200)
    response.resume()
    await once(response, 'end')
    secure.destroy()
  })

  it('delivers bytes that came in one packet with the CONNECT, once', async () => {
    const { socket } = await open(echo, { early: 'early' })
    socket.end('-late')
    assert.equal(String(await readToEnd(socket)), 'early-late')
  })

  it('does not wait for the client when the server speaks first', async () => {
    const { socket } = await open(speakFirst('220 ready\r\n'))
    assert.equal(String(await readBytes(socket, 11)), '220 ready\r\n')
  })

  it('lets the origin answer after the client has ended', async () => {
    const { socket } = await open(answerAfterEnd(received => `got ${String(received)}`))
    socket.end('all')
    assert.equal(String(await readToEnd(socket)), 'got all')
  })

  it('lets the origin answer after a client of the TLS listener has ended', async () => {
    behave = answerAfterEnd(received => `got ${String(received)}`)
    assert.ok(daemon.tls)
    const trust = { ca: testPki().certPem, servername: 'localhost' }
    const socket = await secureOver(await connectRaw(daemon.tls), trust)
    const credentials = Buffer.from(daemon.credentials).toString('base64')
    socket.write(
      `CONNECT ${origin.authority} HTTP/1.1\r\nProxy-Authorization: Basic ${credentials}\r\n\r\n`,
    )
    assert.equal((await readHead(socket)).status, 200)
    socket.end('all')
    assert.equal(String(await readToEnd(socket)), 'got all')
  })

  it('lets the client go on after the origin has ended', async () => {
    const rest = Promise.withResolvers<Buffer>()
    const { socket } = await open(atOrigin => {
      atOrigin.end('bye')
      void readToEnd(atOrigin).then(rest.resolve)
    })
    assert.equal(String(await readToEnd(socket)), 'bye')
    socket.end('one more thing')
    assert.equal(String(await rest.promise), 'one more thing')
  })

  it('passes a reset of the origin on as a reset', async () => {
    const { socket } = await open(atOrigin => {
      atOrigin.once('data', () => atOrigin.resetAndDestroy())
    })
    socket.removeAllListeners('error')
    const reset = once(socket, 'error') as Promise<[NodeJS.ErrnoException]>
    socket.resume()
    socket.write('x')
    assert.equal((await reset)[0].code, 'ECONNRESET')
  })

  it('closes the origin within a second when the client goes away', async () => {
    const closed = Promise.withResolvers<void>()
    const { socket, ended } = await open(atOrigin => {
      atOrigin.on('error', () => {})
      atOrigin.resume()
      atOrigin.once('close', () => closed.resolve())
    })
    socket.resetAndDestroy()
    await closed.promise
    assert.equal((await ended).outcome, 'tunneled')
  })

  it('ends after the idle limit', async () => {
    await using impatient = await startTestDaemon({
      env: {
        ...mayReach(origin.port),
        CODER_AIBRIDGE_PROXY_TUNNEL_IDLE_TIMEOUT: '1s',
      },
    })
    behave = echo
    const { socket } = await connectThrough(impatient.proxy, origin.authority, impatient)
    await readToEnd(socket)
    assert.equal((await impatient.event('connect_ended')).detail, 'tunnel idle')
  })

  it('answers a dead target with 502 and a body', async () => {
    const { head, socket } = await connectThrough(daemon.proxy, dead.authority, daemon)
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
