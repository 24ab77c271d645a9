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
    })
  })

  it('may be empty', () => {
    assert.deepEqual(load(file('')).settings.policy, { groups: new Map(), budgets: [] })
  })

  const wrong: readonly (readonly [text: string, ...problems: string[]])[] = [
    ['budget: []', 'policy.yaml:1 budget: unknown key: did you mean budgets?'],
    ['groups: [', 'policy.yaml:1: not YAML (BAD_INDENT)'],
    ['- ada', 'policy.yaml:1: needs a mapping'],
    ['groups: {a: ada}', 'policy.yaml:1 groups.a: needs a sequence of users, as [ada, grace]'],
    ['groups:\n  a: [[b]]', 'policy.yaml:2 groups.a[0]: needs a value'],
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
