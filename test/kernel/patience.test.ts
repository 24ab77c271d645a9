import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { waitPatiently } from '../../src/kernel/patience.ts'
import { standStill } from '../support/stand-still.ts'

describe('a patient wait', () => {
  it('is over in time', async () => {
    await new Promise<void>(resolve => waitPatiently(10, resolve))
  })

  it('hears first what came while the process stood still', async () => {
    const { promise: answer, resolve } = Promise.withResolvers<string>()
    using _ = waitPatiently(100, () => resolve('too late'))
    const { port1, port2 } = new MessageChannel()
    port2.onmessage = () => resolve('heard')
    port1.postMessage('')
    setImmediate(standStill, 300)
    assert.equal(await answer, 'heard')
    port1.close()
  })

  it('is over all the same when nothing came', async () => {
    const late = new Promise<void>(resolve => waitPatiently(10, resolve))
    standStill(120)
    await late
  })
})
