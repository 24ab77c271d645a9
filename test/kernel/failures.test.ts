import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Failures } from '../../src/kernel/failures.ts'

const clockAt = (time: { now: number }) => ({ monotonic: () => time.now })

function fail(failures: Failures, address: string, times: number): number {
  let delay = 0
  for (let i = 0; i < times; i += 1) delay = failures.add(address)
  return delay
}

describe('failed authentications (D04)', () => {
  it('cost nothing at first, then more and more, up to two seconds', () => {
    const failures = new Failures(clockAt({ now: 0 }))
    const delays = Array.from({ length: 20 }, () => failures.add('192.0.2.1'))
    assert.deepEqual(delays.slice(9, 16), [0, 100, 200, 400, 800, 1600, 2000])
    assert.equal(delays.at(-1), 2000)
  })

  it('are forgiven with time', () => {
    const time = { now: 0 }
    const failures = new Failures(clockAt(time))
    fail(failures, '192.0.2.1', 1000)
    time.now = 120_000
    assert.equal(failures.add('192.0.2.1'), 0)
  })

  it('of one address do not count for another, those of one IPv6 host do', () => {
    const failures = new Failures(clockAt({ now: 0 }))
    fail(failures, '192.0.2.1', 20)
    assert.equal(failures.add('192.0.2.2'), 0)
    assert.equal(failures.add('::ffff:192.0.2.2'), 0)
    for (let i = 1; i <= 10; i += 1) failures.add(`2001:db8:0:1::${i.toString(16)}`)
    assert.equal(failures.add('2001:db8:0:1:f::1'), 100)
    assert.equal(failures.add('2001:db8:0:2::1'), 0)
  })

  it('are remembered of a bounded number of addresses', () => {
    const failures = new Failures(clockAt({ now: 0 }))
    fail(failures, '192.0.2.1', 20)
    for (let i = 0; i < 4096; i += 1) failures.add(`10.0.${i >> 8}.${i & 255}`)
    assert.equal(failures.add('192.0.2.1'), 0)
  })
})
