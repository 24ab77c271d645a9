import { Refusal } from '../../kernel/error.ts'
import type { Period } from '../../kernel/period.ts'

/** Why the books did not begin a call; crosses threads. */
export type Denial =
  | {
      readonly reason: 'rate_limited'
      readonly retryAt: number
      readonly callsPerSecond: number
    }
  | {
      readonly reason: 'budget_exhausted'
      readonly retryAt: number
      readonly scope: string
      readonly kind: Period
      /** False: calls in flight hold the rest, and may not need it. */
      readonly isSpent: boolean
    }

/** Thrown by the work that begins a call: nothing of it is written. */
export class LimitReached extends Error {
  override readonly name = 'LimitReached'
  readonly denial: Denial

  constructor(denial: Denial) {
    super(denial.reason)
    this.denial = denial
  }
}

/** The answer to the caller: which limit, and until when; never how much others spent. */
export function refusalOf(denial: Denial): Refusal {
  const { reason, retryAt } = denial
  if (reason === 'rate_limited') {
    const limit = { policy: 'calls', quota: denial.callsPerSecond, windowMs: 1000 }
    return new Refusal(reason, undefined, { retryAt, limit })
  }
  const { scope, kind, isSpent } = denial
  const group = scope.startsWith('group:') ? scope.slice('group:'.length) : undefined
  const which = group === undefined ? 'Yours' : `That of the group ${group}`
  const told = isSpent
    ? `${which} for this ${kind} starts again at ${new Date(retryAt).toISOString()}.`
    : `Calls in flight hold the rest of ${group === undefined ? 'yours' : `that of the group ${group}`} for this ${kind}.`
  return new Refusal(reason, `${scope}, ${kind}`, { retryAt, limit: { policy: 'budget' }, told })
}
