import type { Charge } from '../../kernel/budget.ts'
import type { NanoDollars } from '../../kernel/money.ts'
import type { Denial } from './denial.ts'

export interface Purse {
  readonly spent: NanoDollars
  /** Held by calls in flight. */
  readonly reserved: NanoDollars
  /** That were paid from it: a WebSocket has many, and so have calls of tools. */
  readonly answers: number
}

/** What an open call holds of a purse, and what became of it so far. */
export interface Reservation {
  readonly amount: NanoDollars
  /** Taken for answers whose cost is not known. */
  readonly guessed: NanoDollars
  readonly answers: number
}

/** When calls in flight may have given back what they hold. */
const HELD_MS = 5000

/**
 * Whether another call may be paid from a purse. One may while anything is
 * left, so that a budget is overdrawn by no more than the calls in flight.
 */
export function judgePurse(
  { spent, reserved }: Purse,
  { scope, kind, limit, resetsAt }: Charge,
  now: number,
): Denial | undefined {
  if (spent + reserved < limit) return undefined
  const isSpent = spent >= limit
  const retryAt = isSpent ? resetsAt : Math.min(resetsAt, now + HELD_MS)
  return { reason: 'budget_exhausted', retryAt, scope, kind, isSpent }
}

/** What an answer is held for: what those before it cost, and never less than `reserve`. */
export function estimate({ spent, answers }: Purse, reserve: NanoDollars): NanoDollars {
  return Math.max(reserve, answers === 0 ? 0 : Math.round(spent / answers))
}

/**
 * What an answer takes from a purse. Where its cost is not known in full it
 * takes what was held, so that breaking off spends no less than going on.
 */
export function answerPrice(
  cost: NanoDollars | null,
  isFinal: boolean,
  { amount }: Pick<Reservation, 'amount'>,
): { readonly paid: NanoDollars; readonly guessed: NanoDollars } {
  if (cost !== null && isFinal) return { paid: cost, guessed: 0 }
  const known = cost ?? 0
  const guessed = Math.max(0, amount - known)
  return { paid: known + guessed, guessed }
}

/**
 * What the end of a call still takes: what was held if no answer was seen, or
 * less than nothing, if nobody billed what had been taken by guess.
 */
export function finalPrice(
  { amount, guessed, answers }: Reservation,
  isBilled: boolean,
): NanoDollars {
  if (!isBilled) return 0 - guessed
  return answers === 0 ? amount : 0
}
