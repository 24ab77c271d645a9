import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { FloodBudget } from '../../src/kernel/flood-budget.ts'

const MIB = 1024 * 1024

describe('the flood budget', () => {
  it('lets everything pass that was earned', () => {
    const budget = new FloodBudget(0)
    for (let read = 0; read < 1000 * MIB; read += MIB) {
      budget.earn(MIB)
      assert.ok(budget.allows(read + MIB, 0, 0))
    }
  })

  it('counts bytes of bodies once, before and after they are taken', () => {
    const budget = new FloodBudget(0)
    assert.ok(budget.allows(50 * MIB, 50 * MIB, 0))
    budget.earn(50 * MIB)
    assert.ok(budget.allows(50 * MIB, 0, 0))
    assert.ok(!budget.allows(52 * MIB, 0, 0))
  })

  it('allows one burst, which comes back with time', () => {
    const budget = new FloodBudget(0)
    assert.ok(budget.allows(MIB, 0, 0))
    assert.ok(!budget.allows(MIB + 1, 0, 0))
    const patient = new FloodBudget(0)
    assert.ok(patient.allows(MIB, 0, 0))
    assert.ok(patient.allows(2 * MIB, 0, 60_000))
  })

  it('never refuses who always earned more than was read, however unevenly', () => {
    const budget = new FloodBudget(0)
    let read = 0
    for (let check = 0; check < 100; check += 1) {
      const more = check % 3 === 0 ? 0 : check * 64 * 1024
      read += more
      budget.earn(2 * more)
      assert.ok(budget.allows(read, 0, check))
    }
  })

  it('lets what was earned in advance be used once, and no more than a burst of it', () => {
    const budget = new FloodBudget(0)
    budget.earn(1000 * MIB)
    assert.ok(budget.allows(0, 0, 0))
    assert.ok(budget.allows(2 * MIB, 0, 0))
    assert.ok(!budget.allows(2 * MIB + 1, 0, 0))
  })

  it('does not let one save up more than a burst', () => {
    const budget = new FloodBudget(0)
    budget.earn(1000 * MIB)
    assert.ok(budget.allows(1, 0, 0))
    assert.ok(!budget.allows(3 * MIB, 0, 0))
  })
})

/** What happens between two looks: a pause, idle bytes, frames that came, those that were taken, answers. */
const STEP = fc.record({
  ms: fc.nat({ max: 5000 }),
  idle: fc.nat({ max: 400_000 }),
  frames: fc.array(fc.nat({ max: 300_000 }), { maxLength: 3 }),
  taken: fc.nat({ max: 4 }),
  sent: fc.nat({ max: 400_000 }),
})
type Steps = (typeof STEP extends fc.Arbitrary<infer T> ? T : never)[]

const FRAME = 64
const RATE = 64

/** Plays the steps to a budget; for each look what it said, and bytes and time until then. */
function play(steps: Steps): { allowed: boolean; read: number; useful: number; now: number }[] {
  const budget = new FloodBudget(0)
  const untaken: number[] = []
  let read = 0
  let useful = 0
  let now = 0
  return steps.map(({ ms, idle, frames, taken, sent }) => {
    now += ms
    budget.earn(sent)
    useful += sent + FRAME
    read += idle
    for (const bytes of frames) {
      read += bytes
      useful += bytes
      untaken.push(bytes)
    }
    for (const bytes of untaken.splice(0, taken)) {
      budget.earn(bytes)
      useful += FRAME
    }
    const waiting = untaken.reduce((sum, bytes) => sum + bytes, 0)
    return { allowed: budget.allows(read, waiting, now), read, useful, now }
  })
}

describe('the flood budget, whatever comes', () => {
  it('decides as a bucket does whose owner may also save up to a burst', () => {
    fc.assert(
      fc.property(fc.array(STEP, { maxLength: 40 }), steps => {
        let bucket = MIB
        let saved = 0
        let before = { read: 0, useful: 0, now: 0 }
        for (const look of play(steps)) {
          bucket = Math.min(MIB, bucket + (look.now - before.now) * RATE)
          const owed = look.read - before.read - (look.useful - before.useful)
          const paid = Math.min(saved, owed)
          saved = Math.min(MIB, saved - paid)
          bucket -= owed - paid
          assert.equal(look.allowed, bucket >= 0)
          if (!look.allowed) return
          before = look
        }
      }),
    )
  })

  it('lets no stretch of time have more idle bytes than two bursts and its share', () => {
    fc.assert(
      fc.property(fc.array(STEP, { maxLength: 40 }), steps => {
        const looks = play(steps)
        const end = looks.findIndex(({ allowed }) => !allowed)
        const passed = end < 0 ? looks : looks.slice(0, end)
        for (const [index, from] of passed.entries()) {
          for (const to of passed.slice(index)) {
            const idle = to.read - from.read - (to.useful - from.useful)
            assert.ok(idle <= 2 * MIB + (to.now - from.now) * RATE)
          }
        }
      }),
    )
  })
})
