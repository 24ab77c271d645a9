import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Writable } from 'node:stream'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { BulkBuffers } from '../../src/egress/bulk-buffers.ts'
import { BULK_BUFFERS, BulkSocket } from '../../src/egress/bulk-socket.ts'
import { type Origin, startTcpOrigin } from '../support/origin.ts'
import { readHead, readToEnd } from '../support/raw-client.ts'

const MIB = 1 << 20

/** The bytes of one connection; no two windows of it are alike, nor two connections. */
function bytesOf(name: string, size: number): Buffer {
  return createHash('shake256', { outputLength: size }).update(name).digest()
}

/**
 * Takes most chunks at once, as a kernel with room does. Every third it holds,
 * uncopied, for some turns of the event loop, and looks at its bytes only then.
 */
class Reader extends Writable {
  readonly received: Buffer[] = []
  #chunks = 0

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks += 1
    void this.#take(chunk, this.#chunks % 3 === 0 ? 5 : 0, done)
  }

  async #take(chunk: Buffer, turns: number, done: () => void): Promise<void> {
    for (let i = 0; i < turns; i++) await turn()
    this.received.push(Buffer.from(chunk))
    done()
  }
}

function open({ port }: Origin): BulkSocket {
  const socket = new BulkSocket({ allowHalfOpen: true })
  return socket.connect({ port, host: '127.0.0.1' })
}

describe('a socket that is read in bulk', () => {
  it('never touches what a destination still holds, whatever the others do', async () => {
    const bodies = Array.from({ length: 12 }, (_, i) => bytesOf(`body ${i}`, MIB + i * 77_777))
    let served = 0
    await using origin = await startTcpOrigin(socket => {
      const body = bodies[served++] ?? Buffer.alloc(0)
      // Small pieces among large ones: quiet connections and bulk in turns.
      for (let at = 0, size = 1; at < body.length; at += size, size = (size * 3) % 200_003) {
        socket.write(body.subarray(at, at + size))
      }
      socket.end()
    })
    const readers = await Promise.all(
      bodies.map(async (_, i) => {
        const socket = open(origin)
        await once(socket, 'connect')
        const reader = new Reader({ highWaterMark: i % 2 === 0 ? 16_384 : 65_536 })
        socket.pipe(reader)
        await once(reader, 'finish')
        socket.destroy()
        return Buffer.concat(reader.received)
      }),
    )
    for (const body of bodies) {
      assert.ok(readers.some(received => received.equals(body)))
    }
    assert.equal(BULK_BUFFERS.lent, 0)
  })

  it('gives up its buffer when the destination breaks while it holds it', async () => {
    await using origin = await startTcpOrigin(socket => socket.write(Buffer.alloc(8 * MIB)))
    const socket = open(origin)
    const held = Promise.withResolvers<void>()
    const destination = new Writable({
      write(chunk: Buffer, _encoding, done) {
        // Larger than what is shared: an own buffer, held for good.
        if (chunk.length > 65_536) held.resolve()
        else done()
      },
    })
    socket.pipe(destination)
    await held.promise
    assert.equal(BULK_BUFFERS.lent, 1)
    destination.destroy()
    await once(destination, 'close')
    socket.destroy()
    assert.equal(BULK_BUFFERS.lent, 0)
  })

  it('is an ordinary stream until it is piped, and loses nothing in between', async () => {
    const rest = bytesOf('rest', MIB)
    await using origin = await startTcpOrigin(socket => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.end(rest)
    })
    const socket = open(origin)
    const head = await readHead(socket)
    assert.equal(head.status, 200)
    // What came meanwhile waits in the stream; more than it holds, in the kernel.
    for (let i = 0; i < 20; i++) await turn()
    const reader = new Reader()
    socket.pipe(reader)
    await once(reader, 'finish')
    assert.ok(Buffer.concat(reader.received).equals(rest))
    assert.equal(BULK_BUFFERS.lent, 0)
    socket.destroy()
  })

  it('passes on an end that came before it was piped', async () => {
    await using origin = await startTcpOrigin(socket => socket.end('220 bye'))
    const socket = open(origin)
    assert.equal(String(await readToEnd(socket)), '220 bye')
    const reader = new Reader()
    socket.pipe(reader)
    await once(reader, 'finish')
    assert.deepEqual(reader.received, [])
    socket.destroy()
  })

  it('waits for the destination with what was read before', async () => {
    await using origin = await startTcpOrigin(socket => socket.write(Buffer.alloc(8 * MIB)))
    const socket = open(origin)
    await once(socket, 'readable')
    let held = 0
    let release: (() => void) | undefined
    const destination = new Writable({
      write(chunk: Buffer, _encoding, done) {
        held += chunk.length
        release = done
      },
    })
    socket.pipe(destination)
    for (let i = 0; i < 20; i++) await turn()
    assert.ok(held > 0 && held < MIB, `${held} bytes are held`)
    assert.equal(destination.writableLength, held, 'nothing more was read')
    release?.()
    for (let i = 0; i < 20; i++) await turn()
    assert.ok(destination.writableLength > 0, 'it goes on')
    socket.destroy()
    destination.destroy()
  })
})

describe('the buffers for bulk', () => {
  it('are no more than so many, and are used again', () => {
    const buffers = new BulkBuffers()
    const lent: Buffer[] = []
    for (let next = buffers.lend(); next !== undefined; next = buffers.lend()) lent.push(next)
    assert.ok(lent.length * (lent[0]?.length ?? 0) <= 32 * MIB)
    const [first] = lent
    assert.ok(first !== undefined)
    buffers.giveBack(first)
    assert.equal(buffers.lend(), first)
    buffers.giveUp()
    assert.notEqual(buffers.lend(), first)
    assert.equal(buffers.lend(), undefined)
  })
})
