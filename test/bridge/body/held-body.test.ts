import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { holdBody } from '../../../src/bridge/body/held-body.ts'

const BROKE_OFF = { reason: 'request_malformed' }

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
})
