import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { describe, it } from 'node:test'
import { holdBody } from '../../../src/bridge/body/held-body.ts'

const BROKE_OFF = { reason: 'request_malformed' }

describe('a body that is held until it is whole', () => {
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
