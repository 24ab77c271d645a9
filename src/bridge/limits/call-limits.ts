import type { CallerPolicy, CallLimits } from '../../kernel/budget.ts'
import type { Call } from '../../kernel/flow.ts'
import type { NanoDollars } from '../../kernel/money.ts'
import type { KnownCall } from '../books.ts'
import { chargesOf } from './charges.ts'

export interface LimitSettings {
  /** Calls per second of one caller; 0 is unlimited. */
  readonly rateLimit: number
  readonly policy: CallerPolicy
  readonly budget: { readonly policy: 'highest' | 'lowest'; readonly reserve: NanoDollars }
}

/**
 * What a call has to stay within. Budgets are for what the operator's own keys
 * pay by the token. Of what is passed through, the cost is not known: it takes nothing, and
 * what may cost something stops with the budget.
 */
export function limitsOf(
  { method, caller }: Pick<Call, 'method' | 'caller'>,
  { kind, credential, billing }: Pick<KnownCall, 'kind' | 'credential' | 'billing'>,
  { rateLimit, policy, budget, now }: LimitSettings & { readonly now: number },
): CallLimits {
  const isPassthrough = kind === 'passthrough'
  const isMetered = credential === 'centralized' && billing !== 'subscription'
  const mayCost = isMetered && !(isPassthrough && method !== 'POST')
  const { user } = caller.identity
  return {
    callsPerSecond: rateLimit,
    charges: mayCost ? chargesOf(user, policy, { choice: budget.policy, now }) : [],
    reserve: isPassthrough ? null : budget.reserve,
  }
}
