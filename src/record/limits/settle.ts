import type { NanoDollars } from '../../kernel/money.ts'
import type { ResponseFacts } from '../../kernel/usage.ts'
import type { ResponseEntry } from '../entry.ts'
import { ask, put, type Row, type Work } from '../work.ts'
import { answerPrice, finalPrice, type Reservation } from './purse.ts'

/** What an answer took of a purse although its cost is not known. */
export interface Guess {
  readonly scope: string
  readonly period: string
  readonly guessed: NanoDollars
}

/**
 * Pays an answer from the purses of its call.
 * @returns whether one of them is used up by now, and what was guessed
 */
export function* payAnswer({
  callId,
  position,
  costNano,
  facts,
}: ResponseEntry): Work<{ readonly isExhausted: boolean; readonly guesses: readonly Guess[] }> {
  let isExhausted = false
  const guesses: Guess[] = []
  for (const row of (yield ask(OF_CALL, { call_id: callId })).rows) {
    // An answer that is written a second time was paid.
    if (Number(row['position']) >= position) continue
    const price = priceOf(facts, costNano, reservationOf(row))
    const place = placeOf(row)
    yield put(GUESS, { ...place, call_id: callId, position, guessed: price.guessed })
    const { paid } = price
    const [purse] = (yield ask(PAY, { ...place, paid, answers: paid > 0 ? 1 : 0 })).rows
    guesses.push({ ...place, guessed: price.guessed })
    isExhausted ||= Number(purse?.['spent']) >= Number(row['ceiling'])
  }
  return { isExhausted, guesses }
}

/** The cost of an answer has come to be known: it is paid in place of what was guessed. */
export function* correct(
  guesses: readonly Guess[],
  { facts, costNano }: Pick<ResponseEntry, 'facts' | 'costNano'>,
): Work<void> {
  for (const { scope, period, guessed } of guesses) {
    const { paid } = priceOf(facts, costNano, { amount: guessed })
    yield ask(PAY, { scope, period, paid: paid - guessed, answers: 0 })
  }
}

function priceOf(
  facts: ResponseFacts,
  costNano: NanoDollars | null,
  reservation: Pick<Reservation, 'amount'>,
): ReturnType<typeof answerPrice> {
  // An error in place of an answer, or amid one that says nothing of tokens.
  const isError = facts.usage === null && (facts.errorType !== null || facts.usageNote === null)
  const isFinal = isError || facts.usageNote === null
  return answerPrice(isError ? 0 : costNano, isFinal, reservation)
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
    answers: Number(isBilled && reservation.answers === 0),
    calls: Number(isBilled),
  })
  yield put(FORGET, { ...placeOf(row), call_id: String(row['call_id']) })
}

/** Money in nano-dollars. */
export function reservationOf(row: Row): Reservation {
  const { amount, guessed, answers } = row
  return { amount: Number(amount), guessed: Number(guessed), answers: Number(answers) }
}

function placeOf(row: Row): { scope: string; period: string } {
  return { scope: String(row['scope']), period: String(row['period']) }
}

const OF_CALL = `SELECT * FROM budget_reservations WHERE call_id = :call_id
  ORDER BY scope, period`
const OF_INSTANCE = `SELECT * FROM budget_reservations WHERE instance = :instance
  ORDER BY scope, period`
const GUESS = `UPDATE budget_reservations SET guessed = guessed + :guessed, answers = answers + 1,
    position = :position
  WHERE call_id = :call_id AND scope = :scope AND period = :period`
export const PAY = `UPDATE budget_purses SET spent = spent + :paid, answers = answers + :answers
  WHERE scope = :scope AND period = :period RETURNING spent`
const SETTLE = `UPDATE budget_purses
  SET spent = spent + :paid, reserved = reserved - :amount, calls = calls + :calls,
    answers = answers + :answers
  WHERE scope = :scope AND period = :period`
const FORGET = `DELETE FROM budget_reservations
  WHERE call_id = :call_id AND scope = :scope AND period = :period`
