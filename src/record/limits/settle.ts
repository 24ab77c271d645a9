import type { ResponseEntry } from '../entry.ts'
import { ask, put, type Row, type SqlValues, type Work } from '../work.ts'
import { answerPrice, finalPrice, type Reservation } from './purse.ts'

/**
 * Pays an answer from the purses of its call.
 * @returns whether one of them is used up by now
 */
export function* payAnswer({ callId, position, costNano, facts }: ResponseEntry): Work<boolean> {
  let isExhausted = false
  for (const row of (yield ask(OF_CALL, { call_id: callId })).rows) {
    // An answer that is written a second time was paid.
    if (Number(row['position']) >= position) continue
    // An error in place of an answer, or amid one that says nothing of tokens.
    const isError = facts.usage === null && (facts.errorType !== null || facts.usageNote === null)
    const cost = isError ? 0 : costNano
    const price = answerPrice(cost, facts.usageNote === null, reservationOf(row))
    yield put(GUESS, { ...placeOf(row), call_id: callId, position, guessed: price.guessed })
    const [purse] = (yield ask(PAY, { ...placeOf(row), paid: price.paid })).rows
    isExhausted ||= Number(purse?.['spent']) >= Number(row['ceiling'])
  }
  return isExhausted
}

/** The end of a call: nothing is held for it any more. */
export function* settleCall(callId: string, isBilled: boolean): Work<void> {
  for (const row of (yield ask(OF_CALL, { call_id: callId })).rows) yield* settle(row, isBilled)
}

/** The end of an instance: its calls are taken for billed, as far as nobody knows better. */
export function* settleInstance(instance: string): Work<void> {
  for (const row of (yield ask(OF_INSTANCE, { instance })).rows) yield* settle(row, true)
}

function* settle(row: Row, isBilled: boolean): Work<void> {
  const reservation = reservationOf(row)
  yield put(SETTLE, {
    ...placeOf(row),
    amount: reservation.amount,
    paid: finalPrice(reservation, isBilled),
    calls: Number(isBilled),
  })
  yield put(FORGET, { ...placeOf(row), call_id: String(row['call_id']) })
}

export function reservationOf(row: Row): Reservation {
  const { amount, guessed, answers } = row
  return { amount: Number(amount), guessed: Number(guessed), answers: Number(answers) }
}

function placeOf(row: Row): SqlValues {
  return { scope: String(row['scope']), period: String(row['period']) }
}

const OF_CALL = `SELECT * FROM budget_reservations WHERE call_id = :call_id
  ORDER BY scope, period`
const OF_INSTANCE = `SELECT * FROM budget_reservations WHERE instance = :instance
  ORDER BY scope, period`
const GUESS = `UPDATE budget_reservations SET guessed = guessed + :guessed, answers = answers + 1,
    position = :position
  WHERE call_id = :call_id AND scope = :scope AND period = :period`
export const PAY = `UPDATE budget_purses SET spent = spent + :paid
  WHERE scope = :scope AND period = :period RETURNING spent`
const SETTLE = `UPDATE budget_purses
  SET spent = spent + :paid, reserved = reserved - :amount, calls = calls + :calls
  WHERE scope = :scope AND period = :period`
const FORGET = `DELETE FROM budget_reservations
  WHERE call_id = :call_id AND scope = :scope AND period = :period`
