import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { ReplayBody } from '../../../src/bridge/keys/replay-body.ts'
import { Memory } from '../../../src/bridge/tap/memory.ts'

const KIB = 1024

function sourceOf(...chunks: readonly Buffer[]): Readable {
  return Readable.from(chunks, { objectMode: false })
}

describe('a request body that may be sent again', () => {
  it('is the same for every attempt', async () => {
    const chunks = [Buffer.alloc(70 * KIB, 'a'), Buffer.alloc(70 * KIB, 'b'), Buffer.from('c')]
    const replay = new ReplayBody(sourceOf(...chunks), undefined)
    for (let i = 0; i < 3; i += 1) {
      assert.deepEqual(await buffer(replay.open()), Buffer.concat(chunks))
      assert.ok(replay.canReplay)
    }
  })

  it('is held in few pieces, however small its chunks are', async () => {
    const replay = new ReplayBody(
      sourceOf(...Array<Buffer>(5000).fill(Buffer.from('x'))),
      undefined,
    )
    await buffer(replay.open())
    const pieces: Buffer[] = await replay.open().toArray()
    assert.equal(String(Buffer.concat(pieces)), 'x'.repeat(5000))
    assert.ok(pieces.length < 10, `${pieces.length} pieces`)
  })

  it('is whole for an attempt that takes over in the middle', async () => {
    const source = new PassThrough()
    const replay = new ReplayBody(source, undefined)
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
    assert.ok(new ReplayBody(source, undefined).open().destroyed)
  })

  it('waits for its reader', async () => {
    let given = 0
    const source = new Readable({
      read() {
        given += 16 * KIB
        this.push(given > 8 * KIB * KIB ? null : Buffer.alloc(16 * KIB))
      },
    })
    const attempt = new ReplayBody(source, undefined).open()
    attempt.read(0)
    for (let i = 0; i < 100; i += 1) await turn()
    assert.ok(given < KIB * KIB, `${given} bytes were taken from a client whom nobody reads`)
  })

  it('can no longer be sent again once there is no room, and goes on all the same', async () => {
    const whole = new Memory(100 * KIB)
    const chunks = [Buffer.alloc(60 * KIB, 'a'), Buffer.alloc(60 * KIB, 'b')]
    const replay = new ReplayBody(sourceOf(...chunks), undefined, whole)
    assert.deepEqual(await buffer(replay.open()), Buffer.concat(chunks))
    assert.ok(!replay.canReplay)
    assert.equal(whole.held, 0)
  })

  it('knows from its length whether there is room', () => {
    const whole = new Memory(100 * KIB)
    const first = new ReplayBody(sourceOf(), 60 * KIB, whole)
    const second = new ReplayBody(sourceOf(), 60 * KIB, whole)
    assert.deepEqual([first.isCertain, second.isCertain], [true, false])
    assert.ok(!new ReplayBody(sourceOf(), undefined, whole).isCertain)
    first.settle()
    assert.equal(whole.held, 0)
    assert.ok(new ReplayBody(sourceOf(), 60 * KIB, whole).isCertain)
  })

  it('passes a break on, and leaves the rest to its owner afterwards', async () => {
    const broken = new PassThrough()
    const attempt = new ReplayBody(broken, undefined).open()
    attempt.on('error', () => {})
    broken.destroy()
    await turn()
    assert.ok(attempt.destroyed)

    const source = sourceOf(Buffer.alloc(KIB), Buffer.alloc(200 * KIB), Buffer.alloc(200 * KIB))
    const replay = new ReplayBody(source, undefined)
    replay.open().read(0)
    await turn()
    replay[Symbol.dispose]()
    source.resume()
    await turn()
    await turn()
    assert.ok(source.readableEnded)
  })
})
