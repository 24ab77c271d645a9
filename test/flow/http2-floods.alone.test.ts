import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { TLSSocket } from 'node:tls'
import {
  FLAG,
  fields,
  frame,
  headers,
  PREFACE,
  readComplaint,
  requestFields,
  TYPE,
  uint32,
} from '../support/http2-frames.ts'
import { type AiWorld, openIntercepted, startAiWorld } from './ai-world.ts'
import { askHttp2, openHttp2 } from './http2-world.ts'

const MIB = 1 << 20
/** Far beyond what goes out until the next look at the connection. */
const MOST = 256 * MIB
const POST = requestFields('POST', '/v1/messages')
const UPLOAD = headers(1, POST, FLAG.endHeaders)

let world: AiWorld
before(async () => {
  world = await startAiWorld({ provider: { behaviour: () => ({ stallAfter: 0 }) } })
})
after(() => world[Symbol.asyncDispose]())

async function openFlood(first: Buffer): Promise<TLSSocket> {
  const socket = await openIntercepted(world.daemon, { tls: { ALPNProtocols: ['h2'] } })
  socket.write(Buffer.concat([PREFACE, frame(TYPE.settings, 0, 0), first]))
  return socket
}

/** Sends until the connection is closed; the bytes that it took. */
async function flood(socket: TLSSocket, next: () => Buffer): Promise<number> {
  let sent = 0
  while (!socket.destroyed && socket.writable && sent < MOST) {
    const block = next()
    sent += block.length
    const isFull = !socket.write(block)
    await new Promise<void>(resolve => {
      if (!isFull) setImmediate(resolve)
      else socket.once('drain', resolve).once('close', resolve)
    })
  }
  return sent
}

const repeat = (one: Buffer, bytes = 32 * 1024) => {
  const block = Buffer.concat(Array.from({ length: Math.ceil(bytes / one.length) }, () => one))
  return (): Buffer => block
}

/** Streams 3, 5, 7 and so on, each followed by what makes it end early. */
function streams(then: (id: number) => Buffer): () => Buffer {
  let id = 1
  return () => {
    const blocks = Array.from({ length: 50 }, () => {
      id += 2
      return Buffer.concat([headers(id, POST, FLAG.endHeaders), then(id)])
    })
    return Buffer.concat(blocks)
  }
}

describe('a flood over HTTP/2', { timeout: 30_000 }, () => {
  const ping = frame(TYPE.ping, 0, 0, Buffer.alloc(8))
  const floods: readonly (readonly [what: string, first: Buffer, next: () => Buffer])[] = [
    ['PING', Buffer.alloc(0), repeat(ping)],
    ['PING beside a call', UPLOAD, repeat(ping)],
    ['SETTINGS', Buffer.alloc(0), repeat(frame(TYPE.settings, 0, 0))],
    ['ACK of SETTINGS', Buffer.alloc(0), repeat(frame(TYPE.settings, FLAG.ack, 0))],
    ['PRIORITY', UPLOAD, repeat(frame(TYPE.priority, 0, 1, Buffer.alloc(5)))],
    ['WINDOW_UPDATE', UPLOAD, repeat(frame(TYPE.windowUpdate, 0, 1, uint32(1)))],
    ['frames of no known type', Buffer.alloc(0), repeat(frame(0xfa, 0, 0, Buffer.alloc(100)))],
    ['empty DATA', UPLOAD, repeat(frame(TYPE.data, 0, 1))],
    ['DATA of padding alone', UPLOAD, repeat(frame(TYPE.data, 8, 1, Buffer.from([1, 0])))],
    [
      'CONTINUATION',
      headers(1, POST, 0),
      repeat(frame(TYPE.continuation, 0, 1, fields([['x', 'y']]))),
    ],
    ['empty CONTINUATION', headers(1, POST, 0), repeat(frame(TYPE.continuation, 0, 1))],
    [
      'streams that are reset at once',
      Buffer.alloc(0),
      streams(id => frame(TYPE.reset, 0, id, uint32(8))),
    ],
    [
      'streams that we are made to reset',
      Buffer.alloc(0),
      streams(id => frame(TYPE.windowUpdate, 0, id, uint32(0))),
    ],
    [
      'trailers that nobody may send',
      UPLOAD,
      repeat(headers(1, [[':path', '/x']], FLAG.endHeaders)),
    ],
  ]
  for (const [what, first, next] of floods) {
    it(`ends the connection, and nothing else: ${what}`, async () => {
      const cpu = process.cpuUsage()
      const memory = process.memoryUsage().rss
      const socket = await openFlood(first)
      const complaint = assert.doesNotReject(readComplaint(socket))
      const sent = await flood(socket, next)
      await complaint
      const { user, system } = process.cpuUsage(cpu)
      assert.ok(sent < MOST, `${sent} bytes were taken`)
      assert.ok((user + system) / 1e6 < 4, 'the sender included')
      assert.ok(process.memoryUsage().rss - memory < 96 * MIB)
      socket.destroy()
      const session = await openHttp2(world.daemon)
      assert.equal((await askHttp2(session, { ':path': '//' })).status, 400)
      session.close()
    })
  }

  it('of a head that grows a thousandfold is refused', async () => {
    // One large field enters the table, then is named by one byte each (RFC 7541 6.1).
    const large = Buffer.concat([
      Buffer.from([0x40]),
      fields([['x', 'y'.repeat(3900)]]).subarray(1),
    ])
    const bomb = Buffer.concat([fields(POST), large, Buffer.alloc(10_000, 0x80 | 62)])
    const socket = await openFlood(frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 1, bomb))
    assert.match(await readComplaint(socket), /ENHANCE_YOUR_CALM|PROTOCOL_ERROR|closed/)
    socket.destroy()
  })
})
