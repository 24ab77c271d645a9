import type { Reason } from './reasons.ts'
import { hostText, type Target } from './target.ts'

/** Whom a rule is about: everybody, one user, or the members of a group. */
export type RuleSubject =
  | { readonly kind: 'each' }
  | { readonly kind: 'user'; readonly user: string }
  | { readonly kind: 'members'; readonly group: string }

/** A host in canonical form, or with `below` every name under it but not itself. */
export interface HostPattern {
  readonly host: string
  readonly below: boolean
  /** Undefined: every allowed port. */
  readonly port: number | undefined
}

export type TunnelMode = 'allow' | 'deny' | 'allowlist'

/** One entry of `rules` in the policy file; what is undefined it says nothing about. */
export interface Rule {
  /** Where it stands, for the operator: `rules[2]`. */
  readonly name: string
  readonly subject: RuleSubject
  /** Only logs what it would refuse. */
  readonly shadow: boolean
  readonly tunnels: TunnelMode | undefined
  readonly allowHosts: readonly HostPattern[] | undefined
  readonly denyHosts: readonly HostPattern[]
  readonly providers: readonly string[] | undefined
  /** Exact, or a prefix with a star at its end. */
  readonly models: readonly string[] | undefined
}

/** A refusal by a rule. */
export interface Ruling {
  readonly reason: Reason
  /** Which rules decided. */
  readonly rule: string
}

/**
 * The rules about this caller, the most specific first: those that name the
 * user, those of their groups, those about everybody.
 */
export function rulesAbout(
  { user, groups = [] }: { readonly user: string; readonly groups?: readonly string[] },
  policy: {
    readonly rules: readonly Rule[]
    readonly groups: ReadonlyMap<string, ReadonlySet<string>>
  },
): readonly Rule[] {
  const isMember = (group: string): boolean =>
    groups.includes(group) || policy.groups.get(group)?.has(user) === true
  const matches = ({ subject }: Rule): boolean => {
    if (subject.kind === 'each') return true
    return subject.kind === 'user' ? subject.user === user : isMember(subject.group)
  }
  return policy.rules.filter(matches).toSorted((a, b) => rank(a) - rank(b))
}

/** Those that count, and not only in the log. */
export function enforced(rules: readonly Rule[]): readonly Rule[] {
  return rules.filter(rule => !rule.shadow)
}

/** What rules on trial would refuse of what the others let through. */
export function onTrial(
  rules: readonly Rule[],
  judge: (rules: readonly Rule[]) => Ruling | undefined,
): Ruling | undefined {
  return judge(enforced(rules)) === undefined ? judge(rules) : undefined
}

/** A denied host is denied to whatever end; nothing that allows it counts. */
export function judgeHost(target: Target, rules: readonly Rule[]): Ruling | undefined {
  const rule = rules.find(({ denyHosts }) => denyHosts.some(pattern => fits(pattern, target)))
  return rule && { reason: 'host_denied', rule: rule.name }
}

/**
 * Whether the caller may reach a host that no provider has. How is said by the
 * most specific rules that say it, the strictest of them where they are
 * several; the hosts that any rule allows are allowed.
 */
export function judgeTunnel(target: Target, rules: readonly Rule[]): Ruling | undefined {
  const { mode, names } = tunnelMode(rules)
  if (mode === 'deny') return { reason: 'tunnels_denied', rule: names }
  if (mode === 'allow') return undefined
  const lists = rules.flatMap(({ allowHosts }) => allowHosts ?? [])
  if (lists.some(pattern => fits(pattern, target))) return undefined
  return { reason: 'host_not_allowed', rule: names }
}

/** Whether the caller may use the provider: any rule may allow it, and none need say. */
export function judgeProvider(provider: string, rules: readonly Rule[]): Ruling | undefined {
  const saying = rules.filter(rule => rule.providers !== undefined)
  if (saying.length === 0 || saying.some(rule => rule.providers?.includes(provider))) {
    return undefined
  }
  return { reason: 'provider_denied', rule: namesOf(saying) }
}

/** Which rules let the caller use certain models only; undefined where none does. */
export function rulesOnModels(rules: readonly Rule[]): string | undefined {
  const saying = rules.filter(rule => rule.models !== undefined)
  return saying.length === 0 ? undefined : namesOf(saying)
}

/** Whether the caller may use the model, as named in a request. */
export function judgeModel(model: string, rules: readonly Rule[]): Ruling | undefined {
  const saying = rules.filter(rule => rule.models !== undefined)
  const patterns = saying.flatMap(rule => rule.models ?? [])
  if (saying.length === 0 || patterns.some(pattern => fitsPattern(pattern, model))) return undefined
  return { reason: 'model_denied', rule: namesOf(saying) }
}

const STRICTNESS: readonly TunnelMode[] = ['deny', 'allowlist', 'allow']

function tunnelMode(rules: readonly Rule[]): { readonly mode: TunnelMode; readonly names: string } {
  const saying = rules.filter(rule => rule.tunnels !== undefined)
  const first = saying[0]
  if (first === undefined) {
    // A list of allowed hosts would mean nothing if the others were allowed, too.
    const listing = rules.filter(rule => rule.allowHosts !== undefined)
    return { mode: listing.length > 0 ? 'allowlist' : 'allow', names: namesOf(listing) }
  }
  const peers = saying.filter(rule => rank(rule) === rank(first))
  const mode = STRICTNESS.find(strict => peers.some(rule => rule.tunnels === strict)) ?? 'deny'
  return { mode, names: namesOf(peers.filter(rule => rule.tunnels === mode)) }
}

function rank({ subject }: Rule): number {
  return subject.kind === 'user' ? 0 : subject.kind === 'members' ? 1 : 2
}

function fits({ host, below, port }: HostPattern, target: Target): boolean {
  if (port !== undefined && port !== target.port) return false
  if (!below) return hostText(target.host) === host
  return target.host.kind === 'name' && target.host.name.endsWith(`.${host}`)
}

/** Whether a name is the pattern, or begins with what stands before a final `*`. */
export function fitsPattern(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}

function namesOf(rules: readonly Rule[]): string {
  return rules.map(rule => rule.name).join(', ')
}
