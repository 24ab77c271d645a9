import type { CallerVerdict, Verdict } from '../kernel/flow.ts'
import {
  enforced,
  judgeHost,
  judgeProvider,
  judgeTunnel,
  type Rule,
  type Ruling,
} from '../kernel/rule.ts'
import type { Target } from '../kernel/target.ts'

/**
 * Narrows the verdict that holds for everybody by the rules about one caller.
 * A rule can refuse and never allow what the verdict refuses.
 */
export function decideForCaller(
  target: Target,
  verdict: Verdict,
  rules: readonly Rule[],
): CallerVerdict {
  if (verdict.kind === 'refuse') return { verdict, rule: undefined, shadow: undefined }
  const ruling = judge(target, verdict, enforced(rules))
  if (ruling !== undefined) {
    return {
      verdict: { kind: 'refuse', reason: ruling.reason },
      rule: ruling.rule,
      shadow: undefined,
    }
  }
  return { verdict, rule: undefined, shadow: judge(target, verdict, rules) }
}

function judge(
  target: Target,
  verdict: Exclude<Verdict, { kind: 'refuse' }>,
  rules: readonly Rule[],
): Ruling | undefined {
  const denied = judgeHost(target, rules)
  if (denied !== undefined) return denied
  return verdict.kind === 'intercept'
    ? judgeProvider(verdict.provider, rules)
    : judgeTunnel(target, rules)
}
