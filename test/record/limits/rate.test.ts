import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { judgeRate } from '../../../src/record/limits/rate.ts'

const NOW = 1_700_000_000_000

/** How many of the calls at these times pass; the waits of the others. */
function judged(perSecond: number, times: readonly number[], start = 0) {
  let next = start
  let passed = 0
  const waits: number[] = []
  for (const at of times) {
    const verdict = judgeRate(next, at, perSecond)
    if (verdict.ok) {
      passed += 1
      next = verdict.next
    } else waits.push(verdict.retryAt - at)
  }
  return { passed, waits, next }
}

const times = (count: number, gapMs: number) =>
  Array.from({ length: count }, (_, index) => NOW + index * gapMs)

describe('the rate of a caller', () => {
  it('lets a burst of one second pass, and says when the next may', () => {
    assert.deepEqual(judged(20, times(21, 0)), {
      passed: 20,
      waits: [50],
      next: (NOW + 1000) * 1000,
    })
  })

  it('lets a steady stream at its limit pass for ever', () => {
    assert.equal(judged(20, times(1000, 50)).passed, 1000)
  })

  it('holds a faster stream to its limit', () => {
    const { passed } = judged(20, times(10_000, 1))
    assert.equal(passed, 20 + 10 * 20 - 1)
  })

  it('lets the call pass that comes when it was told to', () => {
    const { next, waits } = judged(1, [NOW, NOW + 400])
    assert.deepEqual(waits, [600])
    assert.ok(judgeRate(next, NOW + 1000, 1).ok)
  })

  it('makes nobody wait for a clock that was ahead', () => {
    assert.equal(judged(5, times(6, 0), (NOW + 3_600_000) * 1000).passed, 5)
  })
})
