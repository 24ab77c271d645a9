import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  enforced,
  type HostPattern,
  judgeHost,
  judgeModel,
  judgeProvider,
  judgeTunnel,
  type Rule,
  type RuleSubject,
  rulesAbout,
} from '../../src/kernel/rule.ts'
import { parseAuthority } from '../../src/kernel/target.ts'

const EACH: RuleSubject = { kind: 'each' }
const ADA: RuleSubject = { kind: 'user', user: 'ada' }
const members = (group: string): RuleSubject => ({ kind: 'members', group })

const host = (name: string, port?: number): HostPattern => ({ host: name, below: false, port })
const below = (name: string): HostPattern => ({ host: name, below: true, port: undefined })

function rule(name: string, subject: RuleSubject, says: Partial<Rule> = {}): Rule {
  return {
    name,
    subject,
    shadow: false,
    tunnels: undefined,
    allowHosts: undefined,
    denyHosts: [],
    providers: undefined,
    models: undefined,
    ...says,
  }
}

function target(authority: string) {
  const parsed = parseAuthority(authority)
  assert.ok(parsed.ok)
  return parsed.target
}

const tunnel = (authority: string, ...rules: Rule[]): string | undefined =>
  judgeTunnel(target(authority), rules)?.reason

describe('the rules about a caller', () => {
  const rules = [
    rule('a', EACH),
    rule('b', members('lab')),
    rule('c', ADA),
    rule('d', members('ops')),
    rule('e', { kind: 'user', user: 'bob' }),
  ]
  const groups = new Map([['lab', new Set(['ada'])]])
  const names = (identity: { user: string; groups?: string[] }): string[] =>
    rulesAbout(identity, { rules, groups }).map(({ name }) => name)

  it('are those that name them, their groups and everybody, in this order', () => {
    assert.deepEqual(names({ user: 'ada' }), ['c', 'b', 'a'])
    assert.deepEqual(names({ user: 'eve' }), ['a'])
  })

  it('count the groups that their token names', () => {
    assert.deepEqual(names({ user: 'eve', groups: ['ops'] }), ['d', 'a'])
  })

  it('that are on trial do not count', () => {
    assert.deepEqual(enforced([rule('a', EACH, { shadow: true })]), [])
  })
})

describe('judging a host', () => {
  it('lets a denial win over everything that allows', () => {
    const rules = [
      rule('a', ADA, { allowHosts: [host('paste.example')], tunnels: 'allow' }),
      rule('b', EACH, { denyHosts: [host('paste.example'), below('bad.example')] }),
    ]
    assert.deepEqual(judgeHost(target('paste.example:443'), rules), {
      reason: 'host_denied',
      rule: 'b',
    })
    assert.equal(judgeHost(target('x.bad.example:443'), rules)?.rule, 'b')
    assert.equal(judgeHost(target('bad.example:443'), rules), undefined)
    assert.equal(judgeHost(target('notbad.example:443'), rules), undefined)
  })

  it('takes a port for that port only', () => {
    const rules = [rule('a', EACH, { denyHosts: [host('a.example', 8443)] })]
    assert.equal(judgeHost(target('a.example:8443'), rules)?.reason, 'host_denied')
    assert.equal(judgeHost(target('a.example:443'), rules), undefined)
  })
})

describe('judging a tunnel', () => {
  it('allows it where nothing is said', () => {
    assert.equal(tunnel('a.example:443'), undefined)
    assert.equal(tunnel('a.example:443', rule('a', EACH, { models: ['m'] })), undefined)
  })

  it('takes a list of allowed hosts for the only ones, and adds lists up', () => {
    const rules = [
      rule('a', EACH, { allowHosts: [host('a.example')] }),
      rule('b', members('lab'), { allowHosts: [below('b.example')] }),
    ]
    assert.equal(tunnel('a.example:443', ...rules), undefined)
    assert.equal(tunnel('x.b.example:443', ...rules), undefined)
    assert.equal(tunnel('b.example:443', ...rules), 'host_not_allowed')
    assert.equal(tunnel('a.example:443', rule('a', EACH, { allowHosts: [] })), 'host_not_allowed')
  })

  it('lets what is said of the user beat the group, and the group everybody', () => {
    const everybody = rule('a', EACH, { tunnels: 'deny' })
    const lab = rule('b', members('lab'), { tunnels: 'allow' })
    assert.equal(tunnel('a.example:443', everybody), 'tunnels_denied')
    assert.equal(tunnel('a.example:443', lab, everybody), undefined)
    assert.equal(
      tunnel('a.example:443', rule('c', ADA, { tunnels: 'deny' }), lab, everybody),
      'tunnels_denied',
    )
  })

  it('takes the strictest of several groups', () => {
    const rules = [
      rule('a', members('lab'), { tunnels: 'allow' }),
      rule('b', members('ops'), { tunnels: 'allowlist' }),
    ]
    assert.deepEqual(judgeTunnel(target('a.example:443'), rules), {
      reason: 'host_not_allowed',
      rule: 'b',
    })
  })
})

describe('judging providers and models', () => {
  it('allows what any rule allows, and everything where none says', () => {
    const rules = [
      rule('a', ADA, { providers: ['anthropic'] }),
      rule('b', EACH, { providers: ['openai'] }),
    ]
    assert.equal(judgeProvider('openai', rules), undefined)
    assert.deepEqual(judgeProvider('google', rules), { reason: 'provider_denied', rule: 'a, b' })
    assert.equal(judgeProvider('google', []), undefined)
    assert.equal(judgeProvider('google', [rule('a', EACH, { providers: [] })])?.rule, 'a')
  })

  it('compares models exactly, and a star at the end as any rest', () => {
    const rules = [rule('a', EACH, { models: ['gpt-5-mini', 'claude-*'] })]
    assert.equal(judgeModel('gpt-5-mini', rules), undefined)
    assert.equal(judgeModel('claude-opus-4', rules), undefined)
    for (const model of ['gpt-5', 'gpt-5-mini-2', 'Claude-opus', 'xclaude-1', '']) {
      assert.equal(judgeModel(model, rules)?.reason, 'model_denied', model)
    }
    assert.equal(judgeModel('x', []), undefined)
  })
})
