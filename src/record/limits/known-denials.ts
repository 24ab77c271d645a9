import type { CallLimits } from '../../kernel/budget.ts'
import { Tally } from '../../kernel/tally.ts'
import type { Denial } from './denial.ts'

/** A budget may be raised, or calls in flight may turn out cheap: that is looked up again soon. */
const BUDGET_MS = 1000
const MOST = 10_000

interface Known {
  readonly denial: Denial
  readonly until: number
}

const TOLD_MS = 60_000
/** Calls of one caller in that time that are on record although they never began. */
const TOLD = 60

/**
 * Who was denied a moment ago. A caller that keeps asking is answered from
 * here, so that a flood of calls that are refused does not reach the database,
 * whatever they are refused for.
 */
export class KnownDenials {
  readonly #known = new Map<string, Known>()
  #told = new Tally()
  #toldSince = Number.NEGATIVE_INFINITY

  remember(user: string, denial: Denial, now: number): void {
    const until =
      denial.reason === 'rate_limited' ? denial.retryAt : Math.min(denial.retryAt, now + BUDGET_MS)
    const key = keyOf(user, denial.reason)
    this.#known.delete(key)
    this.#known.set(key, { denial, until })
    for (const [oldest] of this.#known) {
      if (this.#known.size <= MOST) break
      this.#known.delete(oldest)
    }
  }

  /** What a call of this user would be denied for, as far as it has such limits. */
  find(user: string, limits: CallLimits, now: number): Denial | undefined {
    const rate = limits.callsPerSecond > 0 ? this.#get(keyOf(user, 'rate_limited'), now) : undefined
    if (rate !== undefined || limits.charges.length === 0) return rate
    return this.#get(keyOf(user, 'budget_exhausted'), now)
  }

  /** Whether one more call of this user is told of that was refused before it began. */
  tells(user: string, now: number): boolean {
    if (Math.abs(now - this.#toldSince) >= TOLD_MS) {
      this.#told = new Tally()
      this.#toldSince = now
    }
    this.#told.take(user)
    return this.#told.of(user) <= TOLD
  }

  #get(key: string, now: number): Denial | undefined {
    const known = this.#known.get(key)
    if (known === undefined || now < known.until) return known?.denial
    this.#known.delete(key)
    return undefined
  }
}

function keyOf(user: string, reason: Denial['reason']): string {
  return `${reason} ${user}`
}
