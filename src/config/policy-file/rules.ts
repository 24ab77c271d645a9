import type { HostPattern, Rule, RuleSubject, TunnelMode } from '../../kernel/rule.ts'
import { hostText } from '../../kernel/target.ts'
import { quote } from '../parsed.ts'
import { suggestion } from '../suggest.ts'
import { readHostAndPort } from '../types/host.ts'
import { bool, oneOf } from '../types/scalar.ts'
import type { YamlNode } from '../yaml-node.ts'
import type { Groups } from './groups.ts'

const SUBJECTS = ['user', 'members_of'] as const
const SAYS = ['tunnels', 'allow_hosts', 'deny_hosts', 'providers', 'models'] as const
const FIELDS = [...SUBJECTS, ...SAYS, 'shadow'] as const
const TUNNELS = oneOf<TunnelMode>('allow', 'deny', 'allowlist')

export interface RuleContext {
  readonly groups: Groups
  /** Names of the configured providers. */
  readonly providers: readonly string[]
}

/** `rules:`, a sequence of `{user | members_of, tunnels, allow_hosts, …, shadow}`. */
export function readRules(section: YamlNode | undefined, context: RuleContext): Rule[] {
  return (section?.items('a sequence of rules') ?? []).flatMap((node, index) => {
    const rule = readRule(node, `rules[${index}]`, context)
    return rule === undefined ? [] : [rule]
  })
}

function readRule(
  node: YamlNode,
  name: string,
  { groups, providers }: RuleContext,
): Rule | undefined {
  const fields = node.fields(FIELDS)
  if (!SAYS.some(key => fields[key] !== undefined)) {
    node.problem(`says nothing: give one of ${SAYS.join(', ')}`)
  }
  const subject = readSubject(node, fields, groups)
  if (subject === undefined) return undefined
  return {
    name,
    subject,
    shadow: fields.shadow?.value(bool) ?? false,
    tunnels: fields.tunnels?.value(TUNNELS),
    allowHosts: listOf(fields.allow_hosts, readPattern),
    denyHosts: listOf(fields.deny_hosts, readPattern) ?? [],
    providers: listOf(fields.providers, item => readProvider(item, providers)),
    models: listOf(fields.models, readModel),
  }
}

function readSubject(
  node: YamlNode,
  fields: { readonly user?: YamlNode; readonly members_of?: YamlNode },
  groups: Groups,
): RuleSubject | undefined {
  if ((fields.user === undefined) === (fields.members_of === undefined)) {
    node.problem(`needs one of ${SUBJECTS.join(', ')}, and only one`)
    return undefined
  }
  const user = fields.user?.name()
  if (user !== undefined) return user === '*' ? { kind: 'each' } : { kind: 'user', user }
  const group = fields.members_of?.name()
  if (group === undefined) return undefined
  if (groups.has(group)) return { kind: 'members', group }
  const fix = suggestion(group, groups.keys(), 'list it under groups, with no users if need be')
  fields.members_of?.problem(`there is no group ${quote(group)}: ${fix}`)
  return undefined
}

/** An empty list is a list: it allows nothing. */
function listOf<T>(
  node: YamlNode | undefined,
  read: (item: YamlNode) => T | undefined,
): T[] | undefined {
  return node?.items('a sequence, as [a, b]').flatMap(item => read(item) ?? [])
}

/** `host`, `*.domain`, each with or without a port. */
function readPattern(node: YamlNode): HostPattern | undefined {
  const text = node.text()
  if (text === undefined) return undefined
  const below = text.startsWith('*.')
  const result = readHostAndPort(below ? text.slice(2) : text)
  if (result.ok && !(below && result.value.host.kind === 'address')) {
    const { host, port } = result.value
    return { host: hostText(host), below, port }
  }
  node.problem(
    `${quote(text)} is not a host: use github.com, *.github.com for the names below it, or one of them with a port`,
  )
  return undefined
}

function readProvider(node: YamlNode, providers: readonly string[]): string | undefined {
  const name = node.name()
  if (name === undefined || providers.includes(name)) return name
  const fix = suggestion(name, providers, `use one of ${providers.join(', ')}`)
  node.problem(`there is no provider ${quote(name)}: ${fix}`)
  return undefined
}

function readModel(node: YamlNode): string | undefined {
  const text = node.name()
  if (text === undefined || !text.slice(0, -1).includes('*')) return text
  node.problem(`${quote(text)} has a star amid it: a star may only end a model's name`)
  return undefined
}
