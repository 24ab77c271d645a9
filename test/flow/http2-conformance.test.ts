import assert from 'node:assert/strict'
import type { OutgoingHttpHeaders } from 'node:http2'
import { after, before, describe, it } from 'node:test'
import type { TLSSocket } from 'node:tls'
import {
  FLAG,
  fields,
  frame,
  headers,
  PREFACE,
  readComplaint,
  readFrame,
  requestFields,
  TYPE,
  uint32,
} from '../support/http2-frames.ts'
import { type AiWorld, openIntercepted, startAiWorld } from './ai-world.ts'
import { askHttp2, openHttp2, readHttp2 } from './http2-world.ts'

const HOST = 'api.anthropic.com'
const GET = requestFields('GET', '/v1/models')
const POST = requestFields('POST', '/v1/models')
const OPEN = FLAG.endHeaders
const SETTINGS = frame(TYPE.settings, 0, 0)

let world: AiWorld
before(async () => {
  world = await startAiWorld({ env: { CODER_AIBRIDGE_PROXY_HEAD_TIMEOUT: '200ms' } })
})
after(() => world[Symbol.asyncDispose]())

/** A connection that speaks frames of our own making. */
async function openFrames(): Promise<TLSSocket> {
  const socket = await openIntercepted(world.daemon, { tls: { ALPNProtocols: ['h2'] } })
  assert.equal(socket.alpnProtocol, 'h2')
  return socket
}

describe('HTTP/2 from a client that breaks the rules', () => {
  const cases: readonly (readonly [what: string, bytes: readonly Buffer[], complaint: string])[] = [
    ['an upper-case name', [headers(1, [...GET, ['X-Upper', '1']])], 'reset PROTOCOL_ERROR'],
    ['a pseudo header behind', [headers(1, [['x', '1'], ...GET])], 'reset PROTOCOL_ERROR'],
    ['an unknown one', [headers(1, [...GET, [':x', '1']])], 'reset PROTOCOL_ERROR'],
    ['one of answers', [headers(1, [...GET, [':status', '200']])], 'reset PROTOCOL_ERROR'],
    ['two paths', [headers(1, [...GET, [':path', '/']])], 'reset PROTOCOL_ERROR'],
    ['two authorities', [headers(1, [...GET, [':authority', HOST]])], 'reset PROTOCOL_ERROR'],
    ['no method', [headers(1, GET.slice(1))], 'reset PROTOCOL_ERROR'],
    ['no path', [headers(1, GET.slice(0, 3))], 'reset PROTOCOL_ERROR'],
    [
      'an extended CONNECT',
      [headers(1, [...GET, [':protocol', 'websocket']])],
      'reset PROTOCOL_ERROR',
    ],
    ['Connection', [headers(1, [...GET, ['connection', 'close']])], 'reset PROTOCOL_ERROR'],
    ['Upgrade', [headers(1, [...GET, ['upgrade', 'websocket']])], 'reset PROTOCOL_ERROR'],
    [
      'Transfer-Encoding',
      [headers(1, [...POST, ['transfer-encoding', 'chunked']], OPEN)],
      'reset PROTOCOL_ERROR',
    ],
    ['TE other than trailers', [headers(1, [...GET, ['te', 'gzip']])], 'reset PROTOCOL_ERROR'],
    [
      'two lengths',
      [headers(1, [...POST, ['content-length', '1'], ['content-length', '1']], OPEN)],
      'reset PROTOCOL_ERROR',
    ],
    [
      'a length and no body',
      [headers(1, [...POST, ['content-length', '5']])],
      'reset PROTOCOL_ERROR',
    ],
    ['DATA on no stream', [frame(TYPE.data, 0, 0, Buffer.from('x'))], 'goaway PROTOCOL_ERROR'],
    ['DATA on an idle stream', [frame(TYPE.data, 0, 1, Buffer.from('x'))], 'goaway PROTOCOL_ERROR'],
    ['a stream of even number', [headers(2, GET)], 'goaway PROTOCOL_ERROR'],
    [
      'a frame that is too large',
      [frame(TYPE.headers, OPEN, 1, Buffer.alloc(16385))],
      'goaway FRAME_SIZE_ERROR',
    ],
    [
      'SETTINGS cut short',
      [frame(TYPE.settings, 0, 0, Buffer.alloc(5))],
      'goaway FRAME_SIZE_ERROR',
    ],
    [
      'an ACK with a body',
      [frame(TYPE.settings, FLAG.ack, 0, Buffer.alloc(6))],
      'goaway FRAME_SIZE_ERROR',
    ],
    [
      'a window beyond 2^31',
      [frame(TYPE.settings, 0, 0, Buffer.from('0004ffffffff', 'hex'))],
      'goaway FLOW_CONTROL_ERROR',
    ],
    ['PING cut short', [frame(TYPE.ping, 0, 0, Buffer.alloc(7))], 'goaway FRAME_SIZE_ERROR'],
    ['WINDOW_UPDATE of 0', [frame(TYPE.windowUpdate, 0, 0, uint32(0))], 'goaway PROTOCOL_ERROR'],
    ['RST_STREAM of an idle stream', [frame(TYPE.reset, 0, 1, uint32(8))], 'goaway PROTOCOL_ERROR'],
    [
      'CONTINUATION of nothing',
      [frame(TYPE.continuation, OPEN, 1, fields(GET))],
      'goaway PROTOCOL_ERROR',
    ],
    [
      'a promise',
      [headers(1, GET), frame(TYPE.pushPromise, OPEN, 1, uint32(2))],
      'goaway PROTOCOL_ERROR',
    ],
    [
      'another frame amid a head',
      [headers(1, GET, 0), frame(TYPE.ping, 0, 0, Buffer.alloc(8))],
      'goaway PROTOCOL_ERROR',
    ],
    [
      'a head that does not decompress',
      [frame(TYPE.headers, OPEN, 1, Buffer.from('ffffffffffffff', 'hex'))],
      'goaway COMPRESSION_ERROR',
    ],
  ]
  for (const [what, bytes, complaint] of cases) {
    it(`is told so, and nothing reaches the provider: ${what}`, async () => {
      const earlier = world.provider.exchanges.length
      const socket = await openFrames()
      socket.write(Buffer.concat([PREFACE, SETTINGS, ...bytes]))
      assert.equal(await readComplaint(socket), complaint)
      assert.equal(world.provider.exchanges.length, earlier)
      socket.destroy()
    })
  }

  it('is closed when it does not speak HTTP/2 at all', async () => {
    const socket = await openFrames()
    socket.write('GET / HTTP/1.1\r\nHost: api.anthropic.com\r\n\r\n')
    assert.match(await readComplaint(socket), /^goaway/)
    socket.destroy()
  })

  it('has fields left out that no message may hold', async () => {
    const socket = await openFrames()
    const arriving = world.provider.nextExchange()
    const bad = [
      ['x y', 'gone'],
      ['x-a', 'gone\r\nx-b: gone'],
      ['x-c', 'gone\0'],
    ] as const
    socket.write(Buffer.concat([PREFACE, SETTINGS, headers(1, [...GET, ...bad, ['x-d', 'kept']])]))
    const { rawHeaders } = await arriving
    assert.ok(rawHeaders.includes('kept'))
    assert.doesNotMatch(rawHeaders.join('\n'), /gone/)
    socket.destroy()
  })

  const refused: readonly (readonly [what: string, head: OutgoingHttpHeaders, status: number])[] = [
    ['another authority', { ':authority': 'evil.example' }, 421],
    ['another port', { ':authority': `${HOST}:8443` }, 421],
    ['a second spelling', { ':authority': `${HOST}.` }, 421],
    ['a Host that contradicts', { ':authority': HOST, host: 'evil.example' }, 400],
    ['a Host alone that names another', { host: 'evil.example' }, 421],
    ['another scheme', { ':scheme': 'http' }, 400],
    ['//', { ':path': '//evil.example/x' }, 400],
    ['*', { ':method': 'OPTIONS', ':path': '*' }, 400],
    ['TRACE', { ':method': 'TRACE' }, 405],
    ['TRACE in lower case', { ':method': 'trace' }, 405],
    ['CONNECT in lower case', { ':method': 'connect' }, 405],
    [
      '101 headers',
      Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-${i}`, '1'])),
      431,
    ],
    ['17 KiB of head', { x: 'x'.repeat(17 * 1024) }, 431],
  ]
  for (const [what, head, status] of refused) {
    it(`gets ${status} for ${what}, and its connection lives on`, async () => {
      const earlier = world.provider.exchanges.length
      const session = await openHttp2(world.daemon)
      const answer = await askHttp2(session, head)
      assert.equal(answer.status, status)
      assert.ok(answer.headers['x-aibridge-reason'])
      assert.equal(world.provider.exchanges.length, earlier)
      assert.equal((await askHttp2(session, { ':path': '/v1/models' })).status, 200)
      session.destroy()
    })
  }

  const raw: readonly (readonly [what: string, bytes: readonly Buffer[]])[] = [
    ['a blank at the end of a value', [headers(1, [...GET, ['x-a', 'b ']])]],
    [
      'a length with a zero before it',
      [
        headers(1, [...POST, ['content-length', '02']], OPEN),
        frame(TYPE.data, FLAG.endStream, 1, Buffer.from('{}')),
      ],
    ],
    ['a path beyond ASCII', [headers(1, [...GET.slice(0, 3), [':path', '/v1/caf\u00e9']])]],
  ]
  for (const [what, bytes] of raw) {
    it(`gets 400 for ${what}`, async () => {
      const earlier = world.provider.exchanges.length
      const socket = await openFrames()
      socket.write(Buffer.concat([PREFACE, SETTINGS, ...bytes]))
      let answer = await readFrame(socket)
      while (answer.type !== TYPE.headers) answer = await readFrame(socket)
      // Index 12 of the static table is `:status 400` (RFC 7541, appendix A).
      assert.equal(answer.payload[0], 0x80 | 12)
      assert.equal(world.provider.exchanges.length, earlier)
      socket.destroy()
    })
  }

  it('is refused a CONNECT', async () => {
    const session = await openHttp2(world.daemon)
    const stream = session.request({ ':method': 'CONNECT', ':authority': 'a.example:443' })
    stream.on('error', () => {}).end()
    assert.equal((await readHttp2(stream)).status, 405)
    session.destroy()
  })

  it('is told at once that its SNI names another host', async () => {
    const tls = { servername: 'api.openai.com', checkServerIdentity: () => undefined }
    const session = await openHttp2(world.daemon, { tls })
    assert.equal((await askHttp2(session, { ':path': '/v1/models' })).status, 421)
    session.destroy()
  })

  it('may leave in the middle of everything without harm', async () => {
    const socket = await openFrames()
    const goaway = frame(TYPE.goaway, 0, 0, Buffer.alloc(8))
    socket.write(Buffer.concat([PREFACE, SETTINGS, goaway, headers(1, GET, 0)]))
    await readComplaint(socket)
    // Until the head watch has looked at a session that is gone by then.
    await new Promise(resolve => setTimeout(resolve, 300))
    socket.destroy()
  })

  it('is cut off when a head takes too long', async () => {
    const socket = await openFrames()
    socket.write(Buffer.concat([PREFACE, SETTINGS, headers(1, GET, 0)]))
    assert.match(await readComplaint(socket), /goaway|closed/)
    await world.daemon.event('client_error', ({ reason }) => reason === 'head_timeout')
    socket.destroy()
  })

  it('may read nothing between its calls, whatever it sends behind one', async () => {
    const socket = await openFrames()
    const answerTo = async (id: number): Promise<void> => {
      socket.write(headers(id, GET))
      let answer = await readFrame(socket)
      while (answer.type !== TYPE.headers || answer.stream !== id) answer = await readFrame(socket)
    }
    socket.write(Buffer.concat([PREFACE, SETTINGS]))
    await answerTo(1)
    socket.write(frame(TYPE.windowUpdate, 0, 0, uint32(1)))
    await new Promise(resolve => setTimeout(resolve, 500))
    await answerTo(3)
    socket.destroy()
  })

  it('may leave a connection idle for longer than a head may take', async () => {
    const session = await openHttp2(world.daemon)
    await new Promise(resolve => setTimeout(resolve, 500))
    assert.equal((await askHttp2(session, { ':path': '/v1/models' })).status, 200)
    session.destroy()
  })
})
