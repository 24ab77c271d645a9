import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
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
