import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { holdFor } from '../../../src/bridge/body/held-body.ts'
import { SharedMemory } from '../../../src/kernel/memory.ts'

const MIB = 1024 * 1024
const BROKE_OFF = { reason: 'request_malformed' }

const holdBody = holdFor({ memory: new SharedMemory(4 * MIB), user: 'ada', idleMs: 5000 })

describe('a body that is held until it is whole', () => {
  it('takes little more memory than its length, however small its chunks are', async () => {
    const sizes = [...Array<number>(9000).fill(1), 5000, 1, 4096, 20_000, 3]
    const chunks = sizes.map((size, i) => Buffer.alloc(size, String.fromCharCode(97 + (i % 26))))
    const pieces: Buffer[] = []
    await holdBody(Readable.from(chunks, { objectMode: false }), piece => pieces.push(piece))
    assert.deepEqual(Buffer.concat(pieces), Buffer.concat(chunks))
    assert.ok(pieces.length <= 6, `${pieces.length} pieces`)
  })

  it('is refused when it breaks off', async () => {
    const body = new PassThrough()
    const held = holdBody(body, () => {})
    body.write('{"model":')
    body.destroy()
    await assert.rejects(held, BROKE_OFF)
  })

  it('is refused when it broke off before anybody read it', { timeout: 5000 }, async () => {
    const body = new PassThrough()
    body.destroy()
    await once(body, 'close')
    await assert.rejects(
      holdBody(body, () => {}),
      BROKE_OFF,
    )
  })

  it('takes from the share of its caller, and gives back what is no longer wanted', async () => {
    const memory = new SharedMemory(4 * MIB)
    const hold = (user: string, body: Readable) =>
      holdFor({ memory, user, idleMs: 5000 })(body, () => {})
    const [first, second] = [new PassThrough(), new PassThrough()]
    const unfinished = [hold('ada', first), hold('ada', second)]
    first.write(Buffer.alloc(MIB))
    second.write(Buffer.alloc(MIB))
    await turn()
    assert.equal(memory.heldBy('ada'), 2 * MIB)
    await assert.rejects(hold('ada', Readable.from([Buffer.from('x')])), {
      reason: 'too_many_uploads',
    })
    const bodies = Readable.from([Buffer.alloc(MIB)], { objectMode: false })
    const release = await hold('bob', bodies)
    await assert.rejects(hold('eve', Readable.from([Buffer.alloc(MIB)])), { reason: 'overloaded' })

    first.destroy()
    second.destroy()
    await Promise.allSettled(unfinished)
    assert.deepEqual([memory.heldBy('ada'), memory.held], [0, MIB])
    release()
    assert.equal(memory.held, 0)
  })

  it('is given up when it stops in the middle, however long it took until then', async () => {
    const memory = new SharedMemory(4 * MIB)
    const body = new PassThrough()
    const held = holdFor({ memory, user: 'ada', idleMs: 40 })(body, () => {})
    body.write('{"model":')
    await assert.rejects(held, { reason: 'body_timeout' })
    assert.equal(memory.held, 0)
  })
})
