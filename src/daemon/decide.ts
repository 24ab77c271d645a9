import type { CallerPolicy } from '../kernel/budget.ts'
import type { CallerVerdict, Identity } from '../kernel/flow.ts'
import { rulesAbout } from '../kernel/rule.ts'
import type { Target } from '../kernel/target.ts'
import { decideForCaller } from '../proxy/caller-policy.ts'
import { decide, type Policy } from '../proxy/policy.ts'

/**
 * What happens to a target for this caller, by one configuration: what serves
 * and what explains go by this.
 */
export function decideTarget(
  target: Target,
  identity: Pick<Identity, 'user' | 'groups'>,
  policy: Policy,
  callers: CallerPolicy,
): CallerVerdict {
  return decideForCaller(target, decide(target, policy), rulesAbout(identity, callers))
}
