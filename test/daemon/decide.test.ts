import assert from 'node:assert/strict'
import { it } from 'node:test'
import * as fc from 'fast-check'
import { readPolicy } from '../../src/config/policy-file/read-policy.ts'
import { decideTarget } from '../../src/daemon/decide.ts'
import { parseAuthority } from '../../src/kernel/target.ts'
import { buildPolicy } from '../../src/proxy/policy.ts'

/** A rule as the file has it. */
interface Written {
  readonly user?: string
  readonly members_of?: string
  readonly shadow: boolean
  readonly tunnels?: string | undefined
  readonly deny_hosts?: readonly string[] | undefined
  readonly allow_hosts?: readonly string[] | undefined
  readonly providers?: readonly string[] | undefined
}

const GROUPS: Readonly<Record<string, readonly string[]>> = { lab: ['ada'], ops: ['ada', 'bob'] }
const PROVIDERS: Readonly<Record<string, string>> = { 'ai.example': 'one', 'b.ai.example': 'two' }
const HOSTS = ['ai.example', 'b.ai.example', 'a.example', 'x.a.example', 'ya.example', '192.0.2.1']
const PATTERNS = [
  'A.example',
  '*.a.example',
  '*.example',
  'ai.example:443',
  '192.0.2.1',
  '*.ai.example:80',
]

/** Whether a pattern of the file means this host, by its documentation and no code of ours. */
function means(pattern: string, host: string, port: number): boolean {
  const [name = '', wanted] = pattern.toLowerCase().split(':')
  if (wanted !== undefined && Number(wanted) !== port) return false
  return name.startsWith('*')
    ? new RegExp(`^.+${name.slice(1).replaceAll('.', '\\.')}$`).test(host)
    : name === host
}

/** docs/policy.md, in other words. */
function model(
  rules: readonly Written[],
  user: string,
  host: string,
  port: number,
): string | undefined {
  if (rules.some(rule => rule.deny_hosts?.some(one => means(one, host, port)))) return 'host_denied'
  const provider = PROVIDERS[host]
  if (provider !== undefined) {
    const lists = rules.flatMap(rule => (rule.providers === undefined ? [] : [rule.providers]))
    return lists.length === 0 || lists.flat().includes(provider) ? undefined : 'provider_denied'
  }
  const allowed = rules.flatMap(rule => rule.allow_hosts ?? [])
  const levels = [
    rules.filter(rule => rule.user === user),
    rules.filter(rule => rule.members_of !== undefined),
    rules,
  ]
  const said = levels
    .map(level => level.flatMap(rule => rule.tunnels ?? []))
    .find(({ length }) => length > 0)
  const lists = rules.some(rule => rule.allow_hosts !== undefined)
  if (said?.includes('deny') === true) return 'tunnels_denied'
  if (said === undefined ? !lists : !said.includes('allowlist')) return undefined
  return allowed.some(one => means(one, host, port)) ? undefined : 'host_not_allowed'
}

const some = (values: readonly string[]) => fc.option(fc.subarray([...values]), { nil: undefined })
const written: fc.Arbitrary<Written> = fc
  .record({
    tunnels: fc.constantFrom('allow', 'deny', 'allowlist', undefined),
    deny_hosts: some(PATTERNS),
    allow_hosts: some(PATTERNS),
    providers: some(['one', 'two']),
  })
  .filter(says => Object.values(says).some(value => value !== undefined))
  .chain(says =>
    fc
      .constantFrom(
        { user: 'ada' },
        { user: '*' },
        { user: 'bob' },
        { members_of: 'lab' },
        { members_of: 'ops' },
      )
      .chain(about => fc.boolean().map(shadow => ({ ...about, shadow, ...says }))),
  )

it('a policy file decides as its documentation says, on trial or not', () => {
  const policy = buildPolicy({
    allowedPorts: [80, 443],
    providers: Object.entries(PROVIDERS).map(([host, name]) => ({
      name,
      hosts: [{ host, port: undefined }],
    })),
    allowedPrivateCidrs: [],
    denyIpLiterals: false,
  })
  const property = fc.property(
    fc.array(written, { maxLength: 4 }),
    fc.constantFrom('ada', 'bob', 'eve'),
    fc.subarray(['lab']),
    (rules, user, groups) => {
      const text = JSON.stringify({ groups: GROUPS, rules })
      const read = readPolicy(text, { name: '', period: 'day', providers: ['one', 'two'] })
      assert.deepEqual(read.problems, [])
      const about = rules.filter(
        ({ user: named, members_of: group = '' }) =>
          named === '*' ||
          named === user ||
          GROUPS[group]?.includes(user) === true ||
          groups.includes(group),
      )
      for (const host of HOSTS) {
        for (const port of [80, 443]) {
          const parsed = parseAuthority(`${host}:${port}`)
          assert.ok(parsed.ok)
          const { verdict, shadow } = decideTarget(
            parsed.target,
            { user, groups },
            policy,
            read.policy,
          )
          const refused = model(
            about.filter(rule => !rule.shadow),
            user,
            host,
            port,
          )
          const onTrial = refused === undefined ? model(about, user, host, port) : undefined
          const reason = verdict.kind === 'refuse' ? verdict.reason : undefined
          assert.deepEqual([reason, shadow?.reason], [refused, onTrial], `${user} ${host}:${port}`)
        }
      }
    },
  )
  fc.assert(property, { numRuns: 300 })
})
