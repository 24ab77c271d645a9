import type { CallerPolicy, CallLimits } from '../../kernel/budget.ts'
import type { Identity } from '../../kernel/flow.ts'
import type { NanoDollars } from '../../kernel/money.ts'
import type { ProviderType } from '../../kernel/provider.ts'
import type { KnownCall } from '../known-call.ts'
import { chargesOf } from './charges.ts'

export interface LimitSettings {
  /** Calls per second of one caller; 0 is unlimited. */
  readonly rateLimit: number
  readonly policy: CallerPolicy
  readonly budget: { readonly policy: 'highest' | 'lowest'; readonly reserve: NanoDollars }
}

interface Context {
  readonly type: Pick<ProviderType, 'costly'>
  readonly now: number
}

/**
 * What a call has to stay within. Budgets are for what the operator's own keys
 * pay by the token; what is only passed through costs nothing, but for paths
 * that their provider type calls costly.
 */
export function limitsOf(
  { user }: Pick<Identity, 'user'>,
  call: Pick<KnownCall, 'kind' | 'route' | 'credential' | 'billing'>,
  { rateLimit, policy, budget, now, type }: LimitSettings & Context,
): CallLimits {
  const isOurs = call.credential === 'centralized' && call.billing !== 'subscription'
  const mayCost = call.kind !== 'passthrough' || type.costly?.includes(call.route) === true
  return {
    callsPerSecond: rateLimit,
    charges: isOurs && mayCost ? chargesOf(user, policy, { choice: budget.policy, now }) : [],
    reserve: budget.reserve,
  }
}
