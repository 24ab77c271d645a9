import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { load, problemsOf } from './loading.ts'

const env = { CODER_AIBRIDGE_POLICY_FILE: 'policy.yaml' }
const file = (text: string) => ({ env, files: { 'policy.yaml': text } })

describe('the policy file', () => {
  it('gives groups and budgets, the period from the option where none is named', () => {
    const text = [
      'groups:',
      '  research: [ada, 007]',
      'budgets:',
      '  - {user: "*", usd: "0.50"}',
      '  - {group: research, usd: 1000, period: month}',
    ].join('\n')
    const { policy } = load({
      env: { ...env, CODER_AI_BUDGET_PERIOD: 'day' },
      files: { 'policy.yaml': text },
    }).settings
    assert.deepEqual(policy, {
      groups: new Map([['research', new Set(['ada', '007'])]]),
      budgets: [
        { owner: { kind: 'each' }, limit: 500_000_000, period: 'day' },
        { owner: { kind: 'group', group: 'research' }, limit: 1_000_000_000_000, period: 'month' },
      ],
      rules: [],
    })
  })

  it('may say nothing, but is refused without a byte, as it is while it is written', () => {
    for (const text of ['{}', '# rules:\n']) {
      assert.deepEqual(load(file(text)).settings.policy, {
        groups: new Map(),
        budgets: [],
        rules: [],
      })
    }
    assert.deepEqual(problemsOf(file('')), [
      'CODER_AIBRIDGE_POLICY_FILE: "policy.yaml" is empty, as files are while they are written: put {} in it to say nothing',
    ])
  })

  it('warns of rules, or parts of them, that can never decide anything', () => {
    const text = [
      'groups: {lab: [], full: [ada]}',
      'rules:',
      '  - {members_of: lab, tunnels: deny}',
      '  - {user: "ada lovelace", tunnels: deny}',
      '  - {user: "*", deny_hosts: ["*.a.example:8443", "[::1]:22", b.example:443]}',
      '  - {members_of: full, allow_hosts: [API.anthropic.com, "*.anthropic.com", a.example]}',
    ].join('\n')
    assert.deepEqual(load(file(text)).warnings, [
      'policy.yaml rules[0]: its group has no users, and CODER_AIBRIDGE_PROXY_OIDC_GROUPS_CLAIM is not set',
      'policy.yaml rules[1]: no caller has a name with blanks or beyond ASCII',
      'policy.yaml rules[2]: *.a.example:8443 is on no port of CODER_AIBRIDGE_PROXY_ALLOWED_PORTS',
      'policy.yaml rules[2]: [::1]:22 is on no port of CODER_AIBRIDGE_PROXY_ALLOWED_PORTS',
      'policy.yaml rules[3]: api.anthropic.com in allow_hosts is an AI host: say providers instead',
    ])
  })

  it('gives rules', () => {
    const text = [
      'groups: {lab: []}',
      'rules:',
      '  - {members_of: lab, tunnels: allowlist, allow_hosts: ["*.GitHub.com", "[::1]:8443"]}',
      '  - {user: "*", shadow: true, deny_hosts: [a.example], providers: [], models: ["gpt-*"]}',
    ].join('\n')
    const silent = { tunnels: undefined, allowHosts: undefined, providers: undefined }
    assert.deepEqual(load(file(text)).settings.policy.rules, [
      {
        ...silent,
        name: 'rules[0]',
        subject: { kind: 'members', group: 'lab' },
        shadow: false,
        tunnels: 'allowlist',
        allowHosts: [
          { host: 'github.com', below: true, port: undefined },
          { host: '::1', below: false, port: 8443 },
        ],
        denyHosts: [],
        models: undefined,
      },
      {
        ...silent,
        name: 'rules[1]',
        subject: { kind: 'each' },
        shadow: true,
        denyHosts: [{ host: 'a.example', below: false, port: undefined }],
        providers: [],
        models: ['gpt-*'],
      },
    ])
  })

  const wrong: readonly (readonly [text: string, ...problems: string[]])[] = [
    ['budget: []', 'policy.yaml:1 budget: unknown key: did you mean budgets?'],
    ['groups: [', 'policy.yaml:1: not YAML (BAD_INDENT)'],
    ['- ada', 'policy.yaml:1: needs a mapping'],
    ['groups: {a: ada}', 'policy.yaml:1 groups.a: needs a sequence of users, as [ada, grace]'],
    ['groups:\n  a: [[b]]', 'policy.yaml:2 groups.a[0]: needs a value'],
    [
      'rules: [{user: a}]',
      'policy.yaml:1 rules[0]: says nothing: give one of tunnels, allow_hosts, deny_hosts, providers, models',
    ],
    [
      'rules: [{tunnels: deny}]',
      'policy.yaml:1 rules[0]: needs one of user, members_of, and only one',
    ],
    [
      'rules: [{user: a, tunnel: deny}]',
      'policy.yaml:1 rules[0].tunnel: unknown key: did you mean tunnels?',
      'policy.yaml:1 rules[0]: says nothing: give one of tunnels, allow_hosts, deny_hosts, providers, models',
    ],
    [
      'rules: [{user: a, tunnels: no}]',
      'policy.yaml:1 rules[0].tunnels: "no" is not accepted: use one of allow, deny, allowlist',
    ],
    [
      'rules: [{members_of: lap, models: [a]}]',
      'policy.yaml:1 rules[0].members_of: there is no group "lap": list it under groups, with no users if need be',
    ],
    [
      'rules: [{user: a, deny_hosts: ["a*.example"]}]',
      'policy.yaml:1 rules[0].deny_hosts[0]: "a*.example" is not a host: use github.com, *.github.com for the names below it, or one of them with a port',
    ],
    [
      'rules: [{user: a, deny_hosts: a.example}]',
      'policy.yaml:1 rules[0].deny_hosts: needs a sequence, as [a, b]',
    ],
    [
      'rules: [{user: a, providers: [opnai]}]',
      'policy.yaml:1 rules[0].providers[0]: there is no provider "opnai": did you mean openai?',
    ],
    [
      'rules: [{user: a, models: ["gpt-*-mini"]}]',
      'policy.yaml:1 rules[0].models[0]: "gpt-*-mini" has a star amid it: a star may only end a model\'s name',
    ],
    ['budgets: {}', 'policy.yaml:1 budgets: needs a sequence of budgets'],
    [
      'budgets:\n- {user: ada, usd: 5, perid: day}',
      'policy.yaml:2 budgets[0].perid: unknown key: did you mean period?',
    ],
    [
      'budgets:\n- {user: ada, group: a}',
      'policy.yaml:2 budgets[0]: needs one of user, members_of, group, and only one',
      'policy.yaml:2 budgets[0]: needs usd, the amount for one period',
    ],
    [
      'budgets:\n- user: ada\n  usd: -5\n  period: year',
      'policy.yaml:3 budgets[0].usd: "-5" is not an amount: use dollars like 20 or 0.50, up to 9000000',
      'policy.yaml:4 budgets[0].period: "year" is not accepted: use one of day, week, month',
    ],
    [
      'groups: {research: []}\nbudgets:\n- {group: reserch, usd: 5}',
      'policy.yaml:3 budgets[0].group: there is no group "reserch": did you mean research?',
    ],
    [
      'budgets:\n- {user: ada, usd: 5}\n- {user: ada, usd: 6, period: month}',
      'policy.yaml:3 budgets[1]: a budget of this owner and period is there already: remove one',
    ],
  ]
  for (const [text, ...problems] of wrong) {
    it(`refuses the start with ${JSON.stringify(text)}`, () => {
      assert.deepEqual(problemsOf(file(text)), problems)
    })
  }

  it('refuses the start where it cannot be read', () => {
    assert.deepEqual(problemsOf({ env }), [
      'CODER_AIBRIDGE_POLICY_FILE: cannot read "policy.yaml" (ENOENT): check the path and its mode',
    ])
  })
})
