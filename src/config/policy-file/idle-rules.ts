import type { CallerPolicy } from '../../kernel/budget.ts'
import type { InterceptedHost } from '../../kernel/provider.ts'
import type { HostPattern, Rule } from '../../kernel/rule.ts'
import { addressText } from '../../kernel/target.ts'
import { isUserName } from '../../kernel/user.ts'

/** What decides before any rule does. */
interface Surroundings {
  readonly ports: readonly number[]
  readonly hosts: readonly InterceptedHost[]
  /** Callers may bring groups that the file does not fill. */
  readonly hasGroupsClaim: boolean
}

/** Parts of rules that can never decide anything, which are mistakes; one warning each. */
export function idleRules({ rules, groups }: CallerPolicy, around: Surroundings): string[] {
  return rules.flatMap(rule =>
    [
      ...idleSubject(rule, groups, around),
      ...[...(rule.allowHosts ?? []), ...rule.denyHosts].flatMap(pattern =>
        pattern.port === undefined || around.ports.includes(pattern.port)
          ? []
          : [`${textOf(pattern)} is on no port of CODER_AIBRIDGE_PROXY_ALLOWED_PORTS`],
      ),
      ...(rule.allowHosts ?? []).flatMap(pattern =>
        !pattern.below &&
        around.hosts.some(({ host, port }) => host === pattern.host && port === undefined)
          ? [`${textOf(pattern)} in allow_hosts is an AI host: say providers instead`]
          : [],
      ),
    ].map(problem => `${rule.name}: ${problem}`),
  )
}

function idleSubject(
  { subject }: Rule,
  groups: CallerPolicy['groups'],
  { hasGroupsClaim }: Surroundings,
): string[] {
  if (subject.kind === 'user' && !isUserName(subject.user)) {
    return ['no caller has a name with blanks or beyond ASCII']
  }
  if (subject.kind !== 'members' || hasGroupsClaim || groups.get(subject.group)?.size !== 0) {
    return []
  }
  return ['its group has no users, and CODER_AIBRIDGE_PROXY_OIDC_GROUPS_CLAIM is not set']
}

function textOf({ host, below, port }: HostPattern): string {
  return `${below ? '*.' : ''}${addressText(host, port)}`
}
