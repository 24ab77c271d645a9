import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { ReplayBody } from '../../../src/bridge/keys/replay-body.ts'
import { Memory } from '../../../src/kernel/memory.ts'

const KIB = 1024

function sourceOf(...chunks: readonly Buffer[]): Readable {
  return Readable.from(chunks, { objectMode: false })
}

/** A body of unknown length that has all the room it wants, unless told otherwise. */
function replayOf(
  source: Readable,
  {
    length,
    whole = new Memory(Number.POSITIVE_INFINITY),
  }: { readonly length?: number; readonly whole?: Memory } = {},
): ReplayBody {
  return new ReplayBody(source, { length, whole })
}

describe('a request body that may be sent again', () => {
  it('is the same for every attempt', async () => {
    const chunks = [Buffer.alloc(70 * KIB, 'a'), Buffer.alloc(70 * KIB, 'b'), Buffer.from('c')]
    const replay = replayOf(sourceOf(...chunks))
    for (let i = 0; i < 3; i += 1) {
      assert.deepEqual(await buffer(replay.open()), Buffer.concat(chunks))
      assert.ok(replay.canReplay)
    }
  })

  it('is held in few pieces, however small its chunks are', async () => {
    const replay = replayOf(sourceOf(...Array<Buffer>(5000).fill(Buffer.from('x'))))
    await buffer(replay.open())
    const pieces: Buffer[] = await replay.open().toArray()
    assert.equal(String(Buffer.concat(pieces)), 'x'.repeat(5000))
    assert.ok(pieces.length < 10, `${pieces.length} pieces`)
  })

  it('is whole for an attempt that takes over in the middle', async () => {
    const source = new PassThrough()
    const replay = replayOf(source)
    const first = replay.open()
    source.write('one ')
    first.resume()
    await turn()
    const second = buffer(replay.open())
    assert.ok(first.destroyed)
    source.end('two')
    assert.equal(String(await second), 'one two')
  })

  it('is cut for an attempt that begins after its client has left', { timeout: 5000 }, async () => {
    const source = new PassThrough()
    source.destroy()
    await once(source, 'close')
    assert.ok(replayOf(source).open().destroyed)
  })

  it('waits for its reader', async () => {
    let given = 0
    const source = new Readable({
      read() {
        given += 16 * KIB
        this.push(given > 8 * KIB * KIB ? null : Buffer.alloc(16 * KIB))
      },
    })
    const attempt = replayOf(source).open()
    attempt.read(0)
    for (let i = 0; i < 100; i += 1) await turn()
    assert.ok(given < KIB * KIB, `${given} bytes were taken from a client whom nobody reads`)
  })

  it('can no longer be sent again once there is no room, and goes on all the same', async () => {
    const whole = new Memory(100 * KIB)
    const chunks = [Buffer.alloc(60 * KIB, 'a'), Buffer.alloc(60 * KIB, 'b')]
    const replay = replayOf(sourceOf(...chunks), { whole })
    assert.deepEqual(await buffer(replay.open()), Buffer.concat(chunks))
    assert.ok(!replay.canReplay)
    assert.equal(whole.held, 0)
  })

  it('is likely to be sent again when there is room for its length', () => {
    const whole = new Memory(100 * KIB)
    assert.ok(replayOf(sourceOf(), { length: 60 * KIB, whole }).isLikely)
    assert.ok(!replayOf(sourceOf(), { length: 101 * KIB, whole }).isLikely)
    assert.ok(!replayOf(sourceOf(), { whole }).isLikely)
  })

  it('takes no room for what is only announced', async () => {
    const whole = new Memory(100 * KIB)
    const source = new PassThrough()
    const replay = replayOf(source, { length: 100 * KIB, whole })
    replay.open().resume()
    source.write(Buffer.alloc(5 * KIB))
    await turn()
    assert.equal(whole.held, 5 * KIB)
    replay[Symbol.dispose]()
    assert.equal(whole.held, 0)
  })

  it('passes a break on, and leaves the rest to its owner afterwards', async () => {
    const broken = new PassThrough()
    const attempt = replayOf(broken).open()
    attempt.on('error', () => {})
    broken.destroy()
    await turn()
    assert.ok(attempt.destroyed)

    const source = sourceOf(Buffer.alloc(KIB), Buffer.alloc(200 * KIB), Buffer.alloc(200 * KIB))
    const replay = replayOf(source)
    replay.open().read(0)
    await turn()
    replay[Symbol.dispose]()
    source.resume()
    await turn()
    await turn()
    assert.ok(source.readableEnded)
  })
})
