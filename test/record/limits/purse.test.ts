import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answerPrice, estimate, finalPrice, judgePurse } from '../../../src/record/limits/purse.ts'

const NOW = 1_000_000
const CHARGE = {
  scope: 'user:ada',
  kind: 'day',
  period: '2026-11-22',
  resetsAt: NOW + 60_000,
  limit: 100,
} as const

describe('a purse', () => {
  const judged = (spent: number, reserved: number, limit = 100) => {
    const denial = judgePurse({ spent, reserved, answers: 1 }, { ...CHARGE, limit }, NOW)
    return denial === undefined ? 'open' : denial.retryAt - NOW
  }

  it('pays while anything of it is neither spent nor held', () => {
    assert.equal(judged(0, 0), 'open')
    assert.equal(judged(50, 49), 'open')
    assert.equal(judged(50, 50), 5000)
    assert.equal(judged(100, 0), 60_000)
    assert.equal(judged(250, 0), 60_000)
    assert.equal(judged(0, 0, 0), 60_000)
  })

  it('holds for an answer what those before it cost, and never less than the reserve', () => {
    assert.equal(estimate({ spent: 0, reserved: 0, answers: 0 }, 10), 10)
    assert.equal(estimate({ spent: 90, reserved: 0, answers: 3 }, 10), 30)
    assert.equal(estimate({ spent: 9, reserved: 0, answers: 3 }, 10), 10)
  })

  it('pays what an answer cost, and what was held where that is not known in full', () => {
    assert.deepEqual(answerPrice(7, true, { amount: 10 }), { paid: 7, guessed: 0 })
    assert.deepEqual(answerPrice(null, true, { amount: 10 }), { paid: 10, guessed: 10 })
    assert.deepEqual(answerPrice(7, false, { amount: 10 }), { paid: 10, guessed: 3 })
    assert.deepEqual(answerPrice(12, false, { amount: 10 }), { paid: 12, guessed: 0 })
  })

  it('pays for a billed call without an answer, and takes guesses back where nobody billed', () => {
    assert.equal(finalPrice({ amount: 10, guessed: 0, answers: 0 }, true), 10)
    assert.equal(finalPrice({ amount: 10, guessed: 0, answers: 1 }, true), 0)
    assert.equal(finalPrice({ amount: 10, guessed: 10, answers: 1 }, true), 0)
    assert.equal(finalPrice({ amount: 10, guessed: 10, answers: 1 }, false), -10)
  })
})
