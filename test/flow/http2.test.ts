import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectHttp2, constants } from 'node:http2'
import type { Socket } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import type { TestDaemon } from '../support/daemon.ts'
import {
  frame,
  headers as frameHeaders,
  PREFACE,
  requestFields,
  TYPE,
  uint32,
} from '../support/http2-frames.ts'
import { answerRawly, type Origin, startTcpOrigin } from '../support/origin.ts'
import { readHead } from '../support/raw-client.ts'
import {
  type AiWorld,
  ANTHROPIC_KEY,
  openIntercepted,
  startAiDaemon,
  startAiWorld,
} from './ai-world.ts'
import { createCaller } from './callers.ts'
import { askHttp2, openHttp2, readHttp2, send } from './http2-world.ts'

const MIB = 1 << 20
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

let world: AiWorld
before(async () => {
  world = await startAiWorld()
})
after(() => world[Symbol.asyncDispose]())
afterEach(() => world.provider.script(undefined))

/** A provider that is only bytes; each test says what it does with a connection. */
let onConnection: (socket: Socket) => void = () => {}
let origin: Origin
let raw: TestDaemon
before(async () => {
  origin = await startTcpOrigin(socket => onConnection(socket), { tls: true })
  raw = await startAiDaemon(origin.url.replace('tls:', 'https:'))
})
after(async () => {
  await raw[Symbol.asyncDispose]()
  await origin[Symbol.asyncDispose]()
})

describe('a call over HTTP/2', () => {
  it('is made with the central key, and is on record as such', async () => {
    const session = await openHttp2(world.daemon)
    const arriving = world.provider.nextExchange()
    const body = JSON.stringify({ model: 'm', stream: true, messages: [] })
    const answer = await askHttp2(session, {}, body)
    const { rawHeaders, request } = await arriving
    assert.equal(answer.status, 200)
    assert.match(answer.text, /message_stop/)
    assert.equal(request.text, body)
    assert.ok(rawHeaders.includes(ANTHROPIC_KEY))
    const ended = await world.daemon.event('call_ended')
    assert.deepEqual(
      [ended.protocol, ended.outcome, ended.bytesUp, ended.bytesDown],
      ['h2', 'completed', body.length, answer.body.length],
    )
    session.close()
    const { calls, bytesDown } = await world.daemon.event('connect_ended')
    assert.equal(calls, 1)
    assert.ok(bytesDown > answer.body.length)
  })

  it('reaches the provider as one over HTTP/1.1 would', async () => {
    const session = await openHttp2(world.daemon)
    const arriving = world.provider.nextExchange()
    await askHttp2(session, { cookie: ['a=1', 'b=2'], te: 'trailers', 'x-a': ['1', '2'] }, '{}')
    const { rawHeaders } = await arriving
    const text = rawHeaders.join('|')
    assert.match(text, /^Host\|localhost:\d+\|/)
    assert.match(text, /x-a\|1\|x-a\|2\|Transfer-Encoding\|chunked/)
    assert.doesNotMatch(text, /\bte\||cookie/i, 'a central key goes without cookies')
    session.close()
  })

  it('has the crumbs of its cookies joined', async () => {
    const session = await openHttp2(world.daemon)
    const arriving = world.provider.nextExchange()
    const own = { 'x-api-key': 'sk-ant-own', cookie: ['a=1', 'b=2'] }
    await askHttp2(session, own, '{}')
    const { rawHeaders } = await arriving
    assert.equal(rawHeaders[rawHeaders.indexOf('cookie') + 1], 'a=1; b=2')
    session.close()
  })

  it('keeps the length of its body, or says that there is none', async () => {
    const session = await openHttp2(world.daemon)
    for (const [head, body, expected] of [
      [{ 'content-length': '2' }, '{}', 'content-length|2'],
      [{ ':method': 'POST' }, undefined, 'Content-Length|0'],
      [{}, '', 'Transfer-Encoding|chunked'],
    ] as const) {
      const arriving = world.provider.nextExchange()
      await askHttp2(session, head, body)
      assert.ok((await arriving).rawHeaders.join('|').includes(expected), expected)
    }
    session.close()
  })

  it('may wait for 100 Continue', async () => {
    const session = await openHttp2(world.daemon)
    const asking = session.request({ ':method': 'POST', expect: '100-continue' })
    await once(asking, 'continue')
    asking.end('{}')
    assert.equal((await readHttp2(asking)).status, 404)
    session.close()
  })

  it('has its trailers handed on both ways, less those that could smuggle', async () => {
    world.provider.script(() => ({
      pieces: ['ok'],
      trailers: { 'x-sum': '1', 'Set-Cookie': 'a=b' },
    }))
    const session = await openHttp2(world.daemon)
    const arriving = world.provider.nextExchange()
    const stream = session.request(
      { ':method': 'POST', ':path': '/v1/messages' },
      { waitForTrailers: true },
    )
    stream.once('wantTrailers', () => stream.sendTrailers({ 'x-check': '2', 'x-api-key': 'evil' }))
    stream.end('{}')
    const answer = await readHttp2(stream)
    assert.equal(answer.text, 'ok')
    assert.deepEqual(Object.keys(answer.trailers), ['x-sum'])
    assert.deepEqual((await arriving).rawTrailers, ['x-check', '2'])
    session.close()
  })

  it('is told early hints', async () => {
    world.provider.script(() => ({ earlyHint: '</a.css>; rel=preload; as=style' }))
    const session = await openHttp2(world.daemon)
    const stream = send(session, {}, '{}')
    const [hint] = (await once(stream, 'headers')) as [Record<string, unknown>]
    assert.equal(hint[':status'], 103)
    assert.match(String(hint['link']), /a\.css/)
    assert.equal((await readHttp2(stream)).status, 200)
    session.close()
  })

  for (const [what, method, answer, status] of [
    ['HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n', 200],
    ['204', 'GET', 'HTTP/1.1 204 No\r\n\r\n', 204],
    ['304', 'GET', 'HTTP/1.1 304 No\r\nETag: x\r\n\r\n', 304],
    ['an empty body', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 200],
    ['204 with a length', 'GET', 'HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n', 204],
    ['205 with a length', 'GET', 'HTTP/1.1 205 No\r\nContent-Length: 5\r\n\r\n', 205],
    [
      'early hints with a length',
      'GET',
      'HTTP/1.1 103 H\r\nLink: </a>; rel=preload\r\nContent-Length: 5\r\n\r\nHTTP/1.1 204 No\r\n\r\n',
      204,
    ],
    ['529', 'GET', 'HTTP/1.1 529 No\r\nContent-Length: 0\r\nX-Dup: 1\r\nX-Dup: 2\r\n\r\n', 529],
  ] as const) {
    it(`has an answer without a body: ${what}`, async () => {
      onConnection = answerRawly(answer)
      const session = await openHttp2(raw)
      const got = await askHttp2(session, { ':method': method, ':path': '/v1/models' })
      assert.deepEqual([got.status, got.body.length, got.code], [status, 0, 0])
      if (method === 'HEAD') assert.equal(got.headers['content-length'], '7')
      if (status === 529) assert.equal(got.headers['x-dup'], '1, 2')
      session.close()
    })
  }

  it('carries megabytes both ways, byte for byte, beside others', async () => {
    const down = randomBytes(2 * MIB)
    world.provider.script(() => ({ pieces: [down], contentType: 'application/octet-stream' }))
    const session = await openHttp2(world.daemon)
    const earlier = world.provider.exchanges.length
    const bodies = Array.from({ length: 3 }, () => randomBytes(MIB))
    const answers = await Promise.all(bodies.map(body => askHttp2(session, {}, body)))
    assert.ok(answers.every(({ body }) => sha256(body) === sha256(down)))
    const seen = world.provider.exchanges.slice(earlier).map(({ request }) => request.sha256)
    assert.deepEqual(seen.toSorted(), bodies.map(sha256).toSorted())
    session.close()
  })

  it('does not wait for a neighbour that nobody reads', async () => {
    world.provider.script(() => ({ pieces: [Buffer.alloc(16 * MIB)] }))
    const session = await openHttp2(world.daemon)
    const stalled = send(session, {}, '{}')
    await once(stalled, 'response')
    stalled.pause()
    world.provider.script(undefined)
    for (let i = 0; i < 5; i += 1) assert.equal((await askHttp2(session, {}, '{}')).status, 200)
    session.destroy()
  })

  it('does not wait for an upload that the provider does not take', async () => {
    const stuck = Promise.withResolvers<Socket>()
    onConnection = socket => {
      socket.once('data', head => {
        if (head.includes('/v1/messages')) stuck.resolve(socket.pause())
        else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      })
    }
    const session = await openHttp2(raw)
    send(session, {}, Buffer.alloc(32 * MIB))
    await stuck.promise
    for (let i = 0; i < 5; i += 1) {
      assert.equal((await askHttp2(session, { ':path': '/v1/models' })).status, 200)
    }
    session.destroy()
  })

  it('may be one of a hundred at a time', async () => {
    const session = await openHttp2(world.daemon)
    await once(session, 'remoteSettings')
    assert.equal(session.remoteSettings.maxConcurrentStreams, 100)
    const calls = Array.from({ length: 100 }, () => askHttp2(session, { ':path': '/v1/models' }))
    assert.ok((await Promise.all(calls)).every(({ status }) => status === 200))
    session.close()
  })
})

describe('an answer that HTTP/2 has rules about', () => {
  const ok = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n'
  const body = '2\r\nok\r\n0\r\n'
  for (const [what, bytes, status, code] of [
    ['Date twice', `${ok}Date: a\r\nDate: b\r\n\r\n${body}\r\n`, 200, 0],
    ['HTTP2-Settings', `${ok}HTTP2-Settings: x\r\n\r\n${body}\r\n`, 502, 0],
    ['status 700', `HTTP/1.1 700 X\r\nContent-Length: 0\r\n\r\n`, 502, 0],
    ['HTTP2-Settings in trailers', `${ok}\r\n${body}HTTP2-Settings: x\r\n\r\n`, 200, 2],
    ['Date twice in trailers', `${ok}\r\n${body}Date: a\r\nDate: b\r\n\r\n`, 200, 0],
  ] as const) {
    it(`ends nothing but its stream: ${what}`, async () => {
      onConnection = answerRawly(bytes)
      const session = await openHttp2(raw)
      const got = await askHttp2(session, { ':path': '/v1/models' })
      assert.deepEqual([got.status, got.code], [status, code])
      session.close()
    })
  }
})

describe('an answer that breaks off', () => {
  it('is a reset, never an end', async () => {
    world.provider.script(() => ({ cutAfter: 3 }))
    const session = await openHttp2(world.daemon)
    const answer = await askHttp2(session, {}, JSON.stringify({ stream: true }))
    assert.equal(answer.status, 200)
    assert.match(answer.text, /message_start/)
    assert.equal(answer.code, constants.NGHTTP2_INTERNAL_ERROR)
    world.provider.script(undefined)
    assert.equal((await askHttp2(session, {}, '{}')).status, 200, 'the connection lives on')
    session.close()
  })

  it('before its head is a 502 in the dialect of the provider', async () => {
    world.provider.script(() => ({ cutAfter: 0 }))
    const session = await openHttp2(world.daemon)
    const answer = await askHttp2(session, {}, '{}')
    assert.equal(answer.status, 502)
    assert.equal(JSON.parse(answer.text).type, 'error')
    session.close()
  })

  it('and one that comes in the middle of an upload is relayed', async () => {
    onConnection = answerRawly(
      'HTTP/1.1 413 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno',
    )
    const session = await openHttp2(raw)
    const answer = await askHttp2(session, {}, Buffer.alloc(2 * MIB))
    assert.deepEqual([answer.status, answer.text], [413, 'no'])
    session.close()
  })
})

describe('a client that gives up', () => {
  for (const code of [constants.NGHTTP2_CANCEL, constants.NGHTTP2_NO_ERROR]) {
    it(`is noticed at the provider within a second (RST_STREAM ${code})`, async () => {
      world.provider.script(() => ({ stallAfter: 2 }))
      const session = await openHttp2(world.daemon)
      const arriving = world.provider.nextExchange()
      const stream = send(session, {}, JSON.stringify({ stream: true }))
      await once(stream, 'data')
      const at = performance.now()
      stream.close(code)
      const exchange = await arriving
      await world.provider.ended(exchange)
      assert.ok(performance.now() - at < 1000)
      assert.equal(exchange.outcome, 'closed')
      session.close()
    })

    it(`in the middle of its upload never looks finished (RST_STREAM ${code})`, async () => {
      const socket = await openIntercepted(world.daemon, { tls: { ALPNProtocols: ['h2'] } })
      const arriving = world.provider.nextExchange()
      const post = requestFields('POST', '/v1/messages')
      socket.write(
        Buffer.concat([
          PREFACE,
          frame(TYPE.settings, 0, 0),
          frameHeaders(1, post, 4),
          frame(TYPE.data, 0, 1, Buffer.from('{"half":')),
        ]),
      )
      const exchange = await arriving
      socket.write(frame(TYPE.reset, 0, 1, uint32(code)))
      await world.provider.ended(exchange)
      assert.equal(exchange.outcome, 'closed')
      assert.equal(exchange.status, 0, 'the provider never saw an end')
      socket.destroy()
    })
  }

  it('is noticed for a HEAD as well', async () => {
    const asked = Promise.withResolvers<Socket>()
    onConnection = socket => {
      socket.once('data', () => asked.resolve(socket))
    }
    const session = await openHttp2(raw)
    const stream = send(session, { ':method': 'HEAD', ':path': '/v1/models' })
    const provider = await asked.promise
    const closed = once(provider, 'close')
    stream.close(constants.NGHTTP2_CANCEL)
    provider.resume().once('end', () => provider.end())
    await closed
    session.close()
  })

  it('is noticed when its connection goes', async () => {
    world.provider.script(() => ({ stallAfter: 2 }))
    const session = await openHttp2(world.daemon)
    const arriving = world.provider.nextExchange()
    await once(send(session, {}, JSON.stringify({ stream: true })), 'data')
    session.destroy()
    const exchange = await arriving
    await world.provider.ended(exchange)
    assert.equal(exchange.outcome, 'closed')
  })
})

describe('the end of an HTTP/2 connection', () => {
  it('comes after the call that a revoked token is told of', { timeout: 15_000 }, async () => {
    const caller = createCaller(world.daemon)
    const connect = { credentials: caller.credentials }
    const session = await openHttp2(world.daemon, { connect })
    const closed = once(session, 'close')
    caller.revoke()
    let status = 200
    while (status === 200) status = (await askHttp2(session, { ':path': '/v1/models' })).status
    assert.ok([401, 0].includes(status), `${status}`)
    await closed
  })

  it('comes although the client left as the first words were on their way', async () => {
    const { credentials } = createCaller(world.daemon, 'eve')
    const tls = { ALPNProtocols: ['h2'] }
    const socket = await openIntercepted(world.daemon, { connect: { credentials }, tls })
    const session = connectHttp2('https://api.anthropic.com', { createConnection: () => socket })
    session.on('error', () => {})
    for (let i = 0; i < 3; i += 1) send(session, {}, '{"stream":true}')
    await new Promise(resolve => setImmediate(resolve))
    socket.destroy()
    await world.daemon.event('connect_ended', ({ user }) => user === 'eve')
  })

  it('is announced when the daemon drains, and waits for the answers', async () => {
    const heads = Promise.withResolvers<Socket>()
    onConnection = socket => {
      void readHead(socket).then(() => heads.resolve(socket))
    }
    const session = await openHttp2(raw)
    const stream = send(session, { ':path': '/v1/models' })
    const provider = await heads.promise
    provider.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab')
    await once(stream, 'data')
    const goaway = once(session, 'goaway')
    const drained = raw.drain(new AbortController().signal)
    await goaway
    provider.write('cd')
    await once(stream.resume(), 'end')
    await drained
  })
})
