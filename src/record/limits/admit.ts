import type { Charge } from '../../kernel/budget.ts'
import type { BeginEntry } from '../entry.ts'
import { ask, change, put, type SqlValues, type Work } from '../work.ts'
import { LimitReached } from './denial.ts'
import { estimate, judgePurse, type Purse } from './purse.ts'
import { judgeRate } from './rate.ts'

/**
 * Judges a call that is to begin and takes what it needs: one place in its
 * caller's rate and a reservation of each purse. The rows that decide are
 * locked by being written, so that all who share the database see one order.
 * @throws LimitReached before anything is held, unless the call goes on anyway
 */
export function* admit(entry: BeginEntry, instance: string): Work<void> {
  const { intent, limits, isJudged } = entry
  if (limits.callsPerSecond > 0 && isJudged) {
    yield* takeTurn(intent.user, intent.at, limits.callsPerSecond)
  }
  const purses: Purse[] = []
  for (const charge of limits.charges) {
    const purse = yield* lockPurse(charge)
    const denial = isJudged ? judgePurse(purse, charge, intent.at) : undefined
    if (denial !== undefined) throw new LimitReached(denial)
    purses.push(purse)
  }
  for (const [index, charge] of limits.charges.entries()) {
    const purse = purses[index]
    if (purse === undefined) continue
    const row = {
      ...placeOf(charge),
      call_id: intent.callId,
      instance,
      ceiling: charge.limit,
      amount: estimate(purse, limits.reserve),
    }
    // A call that is begun a second time holds what it held.
    const { changes } = yield change(RESERVE, row)
    if (changes > 0) yield put(HOLD, { ...placeOf(charge), amount: row.amount })
  }
}

function* takeTurn(user: string, now: number, callsPerSecond: number): Work<void> {
  const [row] = (yield ask(LOCK_RATE, { user })).rows
  const verdict = judgeRate(Number(row?.['next_at'] ?? 0), now, callsPerSecond)
  if (!verdict.ok) {
    throw new LimitReached({ reason: 'rate_limited', retryAt: verdict.retryAt, callsPerSecond })
  }
  yield put(SET_RATE, { user, next: verdict.next })
}

function* lockPurse(charge: Charge): Work<Purse> {
  const [row] = (yield ask(LOCK_PURSE, { ...placeOf(charge), ends_at: charge.resetsAt })).rows
  return {
    spent: Number(row?.['spent'] ?? 0),
    reserved: Number(row?.['reserved'] ?? 0),
    calls: Number(row?.['calls'] ?? 0),
  }
}

function placeOf({ scope, period }: Charge): SqlValues {
  return { scope, period }
}

const LOCK_RATE = `INSERT INTO rate_limits (caller, next_at) VALUES (:user, 0)
  ON CONFLICT (caller) DO UPDATE SET next_at = rate_limits.next_at RETURNING next_at`
const SET_RATE = 'UPDATE rate_limits SET next_at = :next WHERE caller = :user'
const LOCK_PURSE = `
  INSERT INTO budget_purses (scope, period, spent, reserved, calls, ends_at)
  VALUES (:scope, :period, 0, 0, 0, :ends_at)
  ON CONFLICT (scope, period) DO UPDATE SET spent = budget_purses.spent
  RETURNING spent, reserved, calls`
const RESERVE = `
  INSERT INTO budget_reservations (call_id, scope, period, instance, ceiling, amount)
  VALUES (:call_id, :scope, :period, :instance, :ceiling, :amount) ON CONFLICT DO NOTHING`
const HOLD = `UPDATE budget_purses SET reserved = reserved + :amount
  WHERE scope = :scope AND period = :period`
