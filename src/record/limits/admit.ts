import type { Charge } from '../../kernel/budget.ts'
import type { BeginEntry, TurnEntry } from '../entry.ts'
import { ask, change, put, type SqlValues, type Work } from '../work.ts'
import { LimitReached } from './denial.ts'
import { estimate, finalPrice, judgePurse, type Purse } from './purse.ts'
import { judgeRate } from './rate.ts'
import { PAY, reservationOf } from './settle.ts'

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

/**
 * Judges a call that is to ask its provider once more. What it holds of each
 * purse it has paid for by now, and holds for the next answer. Its caller's rate
 * counts calls, not what they take.
 * @throws LimitReached before anything is changed, unless the call goes on anyway
 */
export function* admitAgain({ callId, at, position, charges, isJudged }: TurnEntry): Work<void> {
  const held: { readonly place: SqlValues; readonly unpaid: number }[] = []
  for (const charge of charges) {
    const place = placeOf(charge)
    const [row] = (yield ask(HELD, { ...place, call_id: callId })).rows
    // Its beginning was never written, or this entry was.
    if (row === undefined || Number(row['position']) >= position) continue
    const reservation = reservationOf(row)
    // An answer that nobody told of is paid with what was held for it.
    const unpaid = finalPrice(reservation, true)
    const { spent, reserved, answers } = yield* lockPurse(charge)
    const others = { spent: spent + unpaid, reserved: reserved - reservation.amount, answers }
    const denial = isJudged ? judgePurse(others, charge, at) : undefined
    if (denial !== undefined) throw new LimitReached(denial)
    held.push({ place, unpaid })
  }
  for (const { place, unpaid } of held) {
    yield put(HOLD_ON, { ...place, call_id: callId, position })
    if (unpaid > 0) yield ask(PAY, { ...place, paid: unpaid, answers: 1 })
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
    answers: Number(row?.['answers'] ?? 0),
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
  RETURNING spent, reserved, answers`
const RESERVE = `
  INSERT INTO budget_reservations (call_id, scope, period, instance, ceiling, amount)
  VALUES (:call_id, :scope, :period, :instance, :ceiling, :amount) ON CONFLICT DO NOTHING`
const HELD = `SELECT * FROM budget_reservations
  WHERE call_id = :call_id AND scope = :scope AND period = :period`
/** From here on what was guessed is spent: the provider has answered, and went on. */
const HOLD_ON = `UPDATE budget_reservations SET answers = 0, guessed = 0, position = :position
  WHERE call_id = :call_id AND scope = :scope AND period = :period`
const HOLD = `UPDATE budget_purses SET reserved = reserved + :amount
  WHERE scope = :scope AND period = :period`
