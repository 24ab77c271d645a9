import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Period, periodAt } from '../../src/kernel/period.ts'

describe('a period', () => {
  const cases: readonly (readonly [now: string, Period, key: string, endsAt: string])[] = [
    ['2026-11-22T00:00:00.000Z', 'day', '2026-11-22', '2026-11-23T00:00:00.000Z'],
    ['2026-11-22T23:59:59.999Z', 'day', '2026-11-22', '2026-11-23T00:00:00.000Z'],
    ['2026-12-31T12:00:00.000Z', 'month', '2026-12', '2027-01-01T00:00:00.000Z'],
    ['2028-02-29T12:00:00.000Z', 'month', '2028-02', '2028-03-01T00:00:00.000Z'],
    ['2026-11-22T12:00:00.000Z', 'week', '2026-W47', '2026-11-23T00:00:00.000Z'],
    ['2026-11-23T00:00:00.000Z', 'week', '2026-W48', '2026-11-30T00:00:00.000Z'],
    ['2027-01-03T12:00:00.000Z', 'week', '2026-W53', '2027-01-04T00:00:00.000Z'],
    ['2024-12-30T00:00:00.000Z', 'week', '2025-W01', '2025-01-06T00:00:00.000Z'],
  ]
  for (const [now, period, key, endsAt] of cases) {
    it(`of a ${period} holds ${now} in ${key}, until ${endsAt}`, () => {
      const at = periodAt(period, Date.parse(now))
      assert.deepEqual([at.key, new Date(at.endsAt).toISOString()], [key, endsAt])
    })
  }
})
