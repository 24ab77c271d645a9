import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { createPki, testPki } from '../support/pki.ts'
import { connectRaw, readHead, readToEnd, secureOver } from '../support/raw-client.ts'
import {
  type AiWorld,
  ANTHROPIC,
  OPENAI,
  openConnect,
  openIntercepted,
  startAiWorld,
} from './ai-world.ts'
import { exchangeOn, get, post, readAnswer, requestText } from './wire.ts'

const HOST = 'api.anthropic.com'

let world: AiWorld
before(async () => {
  const { certFile, keyFile } = testPki().issue(['localhost', '127.0.0.1'])
  world = await startAiWorld({
    env: {
      CODER_AIBRIDGE_PROXY_TLS_CERT_FILE: certFile,
      CODER_AIBRIDGE_PROXY_TLS_KEY_FILE: keyFile,
      CODER_AIBRIDGE_PROXY_TLS_LISTEN_ADDR: '127.0.0.1:0',
      CODER_AIBRIDGE_PROXY_TLS_HANDSHAKE_TIMEOUT: '700ms',
    },
  })
})
after(() => world[Symbol.asyncDispose]())

describe('the handshake with a client', () => {
  it('shows a leaf for the host, issued by our CA, verified by it alone', async () => {
    const socket = await openIntercepted(world.daemon)
    const leaf = new X509Certificate(socket.getPeerCertificate().raw)
    assert.ok(leaf.checkHost(HOST))
    assert.equal(leaf.checkHost('api.openai.com'), undefined)
    assert.ok(leaf.checkIssued(new X509Certificate(world.daemon.caPem)))
    assert.equal(leaf.ca, false)
    assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'])
    assert.equal(socket.alpnProtocol, 'http/1.1')
    assert.equal(socket.getProtocol(), 'TLSv1.3')
    socket.destroy()
  })

  it('shows the same leaf again', async () => {
    const serial = async (): Promise<string> => {
      const socket = await openIntercepted(world.daemon)
      const { serialNumber } = socket.getPeerCertificate()
      socket.destroy()
      return serialNumber
    }
    assert.equal(await serial(), await serial())
  })

  const accepted: readonly (readonly [title: string, tls: object])[] = [
    ['without ALPN', { ALPNProtocols: undefined }],
    ['that prefers HTTP/1.1', { ALPNProtocols: ['http/1.1', 'http/1.0'] }],
    ['with TLS 1.2 only', { maxVersion: 'TLSv1.2' }],
    ['without SNI', { servername: '', checkServerIdentity: () => undefined }],
    ['with its SNI in capitals', { servername: 'API.Anthropic.COM' }],
  ]
  for (const [title, tls] of accepted) {
    it(`serves a client ${title}`, async () => {
      const socket = await openIntercepted(world.daemon, { tls })
      assert.equal((await exchangeOn(socket, get('/v1/models', HOST))).status, 200)
      socket.destroy()
    })
  }

  it('answers 421 when the SNI names another host', async () => {
    const tls = { servername: 'api.openai.com', checkServerIdentity: () => undefined }
    const socket = await openIntercepted(world.daemon, { tls })
    const answer = await exchangeOn(socket, get('/v1/models', HOST))
    assert.equal(answer.status, 421)
    assert.equal(answer.head.header('x-aibridge-reason'), 'target_mismatch')
    const refused = await world.daemon.event(
      'client_error',
      ({ reason }) => reason === 'target_mismatch',
    )
    assert.equal(refused.connection?.user, 'ada', 'the log names the caller')
    socket.destroy()
  })

  const failing: readonly (readonly [title: string, tls: object, failure: string])[] = [
    ['closes on an untrusted CA', { ca: createPki('Another root').certPem }, 'ca_not_trusted'],
    ['insists on h3', { ALPNProtocols: ['h3'] }, 'no_shared_alpn'],
    [
      'speaks TLS 1.1 only',
      { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
      'no_shared_protocol',
    ],
  ]
  for (const [title, tls, failure] of failing) {
    it(`tells the operator that a client ${title}`, async () => {
      await assert.rejects(openIntercepted(world.daemon, { tls }))
      const ended = await world.daemon.event(
        'connect_ended',
        ({ tlsFailure }) => tlsFailure === failure,
      )
      assert.equal(ended.outcome, 'mitm')
      assert.equal(ended.calls, 0)
    })
  }

  it('tells the operator that a client rejects the CA', async () => {
    const { host, port } = world.daemon.proxy
    const [user = '', password = ''] = world.daemon.credentials.split(':')
    const args = ['--proxy', `http://${host}:${port}`, '--proxy-user', `${user}:${password}`]
    const url = `https://${HOST}/v1/models`
    await new Promise(resolve =>
      spawn('curl', ['-s', '--cacert', testPki().certFile, ...args, url]).once('close', resolve),
    )
    await world.daemon.event('connect_ended', event => event.tlsFailure === 'ca_not_trusted')
  })

  it('does not take a connection that was opened ahead for a failure', async () => {
    const earlier = world.daemon.events.length
    const socket = await openIntercepted(world.daemon)
    await delay(300)
    socket.end()
    const ended = await world.daemon.event('connect_ended', event =>
      world.daemon.events.slice(earlier).includes(event),
    )
    assert.equal(ended.tlsFailure, undefined)
  })

  for (const [what, bytes] of [
    ['plain HTTP', 'GET / HTTP/1.1\r\nHost: api.anthropic.com\r\n\r\n'],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['noise', '\x16\x03\x01\xff\xff\xff\xff\xff\xff'],
  ] as const) {
    it(`ends a connection on which ${what} follows the CONNECT, and reaches nobody`, async () => {
      const seen = world.provider.exchanges.length
      const earlier = world.daemon.events.length
      const socket = await openConnect(world.daemon, ANTHROPIC)
      socket.write(bytes, 'latin1')
      await readToEnd(socket)
      socket.destroy()
      const ended = await world.daemon.event('connect_ended', event =>
        world.daemon.events.slice(earlier).includes(event),
      )
      assert.ok(['not_tls', 'other'].includes(ended.tlsFailure ?? ''), `${ended.tlsFailure}`)
      assert.equal(world.provider.exchanges.length, seen)
    })
  }

  it('ends when the client says nothing for the limit', async () => {
    const socket = await openConnect(world.daemon, ANTHROPIC)
    await readToEnd(socket)
    await world.daemon.event('connect_ended', event => event.tlsFailure === 'handshake_timeout')
  })

  it('works when the ClientHello comes in one packet with the CONNECT', async () => {
    const raw = await connectRaw(world.daemon.proxy)
    const credentials = Buffer.from(world.daemon.credentials).toString('base64')
    const connect = `CONNECT ${ANTHROPIC} HTTP/1.1\r\nProxy-Authorization: Basic ${credentials}\r\n\r\n`
    let joined = false
    const wire = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        const bytes = joined ? chunk : Buffer.concat([Buffer.from(connect), chunk])
        joined = true
        raw.write(bytes, done)
      },
    })
    const secure = connectTls({ socket: wire, servername: HOST, ca: world.daemon.caPem })
    await readHead(raw)
    raw.on('data', chunk => wire.push(chunk))
    await once(secure, 'secureConnect')
    assert.equal((await exchangeOn(secure, get('/v1/models', HOST))).status, 200)
    secure.destroy()
    raw.destroy()
  })

  for (const [how, cut] of [
    ['byte by byte', (bytes: Buffer) => bytes],
    ['in TLS records of one byte', fragmentHello],
  ] as const) {
    it(`works when the ClientHello comes ${how}`, async () => {
      const raw = await openConnect(world.daemon, ANTHROPIC)
      raw.setNoDelay(true)
      let hello = true
      const wire = new Duplex({
        read() {},
        write(chunk: Buffer, _encoding, done) {
          if (!hello) {
            raw.write(chunk, done)
            return
          }
          hello = false
          for (const byte of cut(chunk)) raw.write(Buffer.from([byte]))
          done()
        },
      })
      raw.on('data', chunk => wire.push(chunk))
      const secure = connectTls({ socket: wire, servername: HOST, ca: world.daemon.caPem })
      await once(secure, 'secureConnect')
      assert.equal((await exchangeOn(secure, get('/v1/models', HOST))).status, 200)
      secure.destroy()
      raw.destroy()
    })
  }

  it('works inside TLS to the proxy itself', async () => {
    const { tls } = world.daemon
    assert.ok(tls)
    const outer = await secureOver(await connectRaw(tls), {
      servername: 'localhost',
      ca: testPki().certPem,
    })
    const credentials = Buffer.from(world.daemon.credentials).toString('base64')
    outer.write(
      `CONNECT ${ANTHROPIC} HTTP/1.1\r\nProxy-Authorization: Basic ${credentials}\r\n\r\n`,
    )
    assert.equal((await readHead(outer)).status, 200)
    const inner = connectTls({ socket: outer, servername: HOST, ca: world.daemon.caPem })
    await once(inner, 'secureConnect')
    for (let i = 0; i < 3; i += 1) {
      assert.equal((await exchangeOn(inner, post('/v1/messages', HOST, '{}'))).status, 200)
    }
    inner.destroy()
    outer.destroy()
  })
})

describe('the TLS listener', () => {
  it('challenges and refuses as the plain one does', async () => {
    const { tls } = world.daemon
    assert.ok(tls)
    for (const [request, status] of [
      [`CONNECT ${ANTHROPIC} HTTP/1.1\r\n\r\n`, 407],
      ['GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n', 407],
      ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
      ['nonsense\r\n\r\n', 400],
    ] as const) {
      const outer = await secureOver(await connectRaw(tls), {
        servername: 'localhost',
        ca: testPki().certPem,
      })
      outer.write(request)
      assert.equal((await readAnswer(outer)).status, status)
      await readToEnd(outer)
      outer.destroy()
    }
  })
})

/** The same handshake message in records that carry one byte each (RFC 8446 5.1). */
function fragmentHello(record: Buffer): Buffer {
  const message = record.subarray(5)
  return Buffer.concat([...message].map(byte => Buffer.from([0x16, 3, 1, 0, 1, byte])))
}

describe('requests on an intercepted connection', () => {
  let socket: TLSSocket
  before(async () => {
    socket = await openIntercepted(world.daemon)
  })
  after(() => socket.destroy())

  it('may follow each other in any number', async () => {
    for (let i = 0; i < 100; i += 1) {
      const answer = await exchangeOn(socket, post('/v1/messages', HOST, '{}'))
      assert.equal(answer.status, 200)
    }
  })

  it('are answered in their order when they are pipelined', async () => {
    world.provider.script(({ path }) => ({ pieces: [path] }))
    const paths = Array.from({ length: 10 }, (_, i) => `/n/${i}`)
    socket.write(Buffer.concat(paths.map(path => get(path, HOST))))
    const answers: string[] = []
    for (let i = 0; i < paths.length; i += 1) answers.push((await readAnswer(socket)).text)
    world.provider.script(undefined)
    assert.deepEqual(answers, paths)
  })

  it('are told to continue once, and the provider is not asked to', async () => {
    const arriving = world.provider.nextExchange()
    socket.write(
      requestText('POST /v1/messages', [
        `Host: ${HOST}`,
        'Expect: 100-continue',
        'Content-Length: 2',
      ]),
    )
    assert.equal((await readHead(socket)).status, 100)
    socket.write('{}')
    assert.equal((await readAnswer(socket)).status, 200)
    assert.equal((await arriving).expectedContinue, false)
  })

  it('may be HEAD, and keep the length of what is not sent', async () => {
    world.provider.script(() => ({ headers: { 'content-length': '1234' }, pieces: [] }))
    const head = Buffer.from(`HEAD /v1/models HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`)
    const answer = await exchangeOn(socket, head)
    world.provider.script(undefined)
    assert.equal(answer.head.header('content-length'), '1234')
    assert.equal((await exchangeOn(socket, get('/v1/models', HOST))).status, 200)
  })

  it('may be answered without a body', async () => {
    for (const status of [204, 304]) {
      world.provider.script(() => ({ status, pieces: [], headers: { etag: '"x"' } }))
      const answer = await exchangeOn(socket, get('/v1/models', HOST))
      assert.deepEqual([answer.status, answer.head.header('etag')], [status, '"x"'])
      assert.equal(answer.head.header('transfer-encoding'), undefined)
    }
    world.provider.script(undefined)
    assert.equal((await exchangeOn(socket, get('/v1/models', HOST))).status, 200)
  })

  it('carry trailers both ways', async () => {
    world.provider.script(() => ({ trailers: { 'x-sum': '42' }, pieces: ['a', 'b'] }))
    const arriving = world.provider.nextExchange()
    const answer = await exchangeOn(
      socket,
      requestText(
        'POST /v1/messages',
        [`Host: ${HOST}`, 'Transfer-Encoding: chunked', 'Trailer: X-Mine'],
        '2\r\n{}\r\n0\r\nX-Mine: 7\r\n\r\n',
      ),
    )
    world.provider.script(undefined)
    assert.deepEqual(answer.trailers, ['x-sum', '42'])
    assert.deepEqual((await arriving).rawTrailers, ['X-Mine', '7'])
  })

  it('have early hints handed on before their answer', async () => {
    world.provider.script(() => ({ earlyHint: '</a.css>; rel=preload' }))
    socket.write(post('/v1/messages', HOST, '{}'))
    const hint = await readHead(socket)
    world.provider.script(undefined)
    assert.equal(hint.status, 103)
    assert.equal(hint.header('link'), '</a.css>; rel=preload')
    assert.equal((await readAnswer(socket)).status, 200)
  })

  it('may be HTTP/1.0, whose answer ends with the connection', async () => {
    const old = await openIntercepted(world.daemon)
    old.write(`POST /v1/messages HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}`)
    assert.equal((await readAnswer(old)).status, 200)
    await readToEnd(old)
    old.destroy()
  })

  it('belong to the host of their own connection', async () => {
    const other = await openIntercepted(world.daemon, { authority: OPENAI })
    const answer = await exchangeOn(other, get('/v1/models', 'api.openai.com'))
    assert.equal(answer.status, 200)
    other.destroy()
    const called = await world.daemon.event('call_ended', ({ provider }) => provider === 'openai')
    assert.equal(called.host, 'api.openai.com')
  })

  it('are refused on a port that is not allowed, whatever the host', async () => {
    await assert.rejects(openConnect(world.daemon, `${HOST}:8443`), /port_denied/)
    await assert.rejects(openConnect(world.daemon, `${HOST}:22`), /port_denied/)
  })

  it('are intercepted on every allowed port', async () => {
    const other = await openIntercepted(world.daemon, { authority: `${HOST}:80` })
    assert.equal((await exchangeOn(other, get('/v1/models', `${HOST}:80`))).status, 200)
    other.destroy()
  })
})

describe('an intercepted connection of a daemon that drains', () => {
  it('closes when it is idle, and otherwise after its last answer', async () => {
    await using own = await startAiWorld({ provider: { gapMs: 20 } })
    const idle = await openIntercepted(own.daemon)
    assert.equal((await exchangeOn(idle, get('/v1/models', HOST))).status, 200)
    const busy = await openIntercepted(own.daemon)
    busy.write(post('/v1/messages', HOST, JSON.stringify({ stream: true })))
    await readHead(busy)
    const drained = own.daemon.drain(new AbortController().signal)
    assert.equal(String(await readToEnd(idle)), '')
    idle.destroy()
    assert.match(String(await readToEnd(busy)), /message_stop[\s\S]*0\r\n\r\n$/)
    busy.destroy()
    await drained
  })
})
