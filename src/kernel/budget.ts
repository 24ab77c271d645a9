import type { NanoDollars } from './money.ts'
import type { Period } from './period.ts'
import type { Rule } from './rule.ts'

/** Whose money it is: one user's, each user's, each member's, or one purse of a group. */
export type BudgetOwner =
  | { readonly kind: 'user'; readonly user: string }
  | { readonly kind: 'each' }
  | { readonly kind: 'members'; readonly group: string }
  | { readonly kind: 'group'; readonly group: string }

export interface Budget {
  readonly owner: BudgetOwner
  readonly limit: NanoDollars
  readonly period: Period
}

/** What the operator lays down for callers: `CODER_AIBRIDGE_POLICY_FILE`. */
export interface CallerPolicy {
  readonly groups: ReadonlyMap<string, ReadonlySet<string>>
  readonly budgets: readonly Budget[]
  readonly rules: readonly Rule[]
}

/** A purse of one period that a call is paid from. */
export interface Charge {
  /** `user:ada` or `group:research`. */
  readonly scope: string
  readonly kind: Period
  /** The key of the period. */
  readonly period: string
  readonly resetsAt: number
  readonly limit: NanoDollars
}

/** A purse as it stands against the policy of now. */
export interface BudgetStanding extends Charge {
  readonly spent: NanoDollars
  /** Held by calls in flight. */
  readonly reserved: NanoDollars
  /** That were paid from it. */
  readonly calls: number
}

/** The standing of one user's purses; null for everybody's. */
export type AskStandings = (user: string | null) => Promise<readonly BudgetStanding[]>

/** What a call has to stay within, judged when it is begun. */
export interface CallLimits {
  /** Of its caller; 0 is unlimited. */
  readonly callsPerSecond: number
  /** In the order in which they are locked: by scope, then period. */
  readonly charges: readonly Charge[]
  /** The least that it holds of each until its cost is known. */
  readonly reserve: NanoDollars
}

export const NO_LIMITS: CallLimits = { callsPerSecond: 0, charges: [], reserve: 0 }
