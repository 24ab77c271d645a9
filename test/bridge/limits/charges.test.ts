import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chargesOf } from '../../../src/bridge/limits/charges.ts'
import { readPolicy } from '../../../src/config/policy-file/read-policy.ts'

const NOW = Date.parse('2026-11-22T12:00:00Z')
const GROUPS = 'groups: {research: [ada, grace], ops: [grace]}\n'

/** `scope period dollars` of everything that a user's call is charged to. */
function charged(user: string, budgets: string, choice: 'highest' | 'lowest' = 'highest') {
  const text = `${GROUPS}budgets:\n${budgets}`
  const { policy, problems } = readPolicy(text, {
    name: 'policy.yaml',
    period: 'month',
    providers: [],
  })
  assert.deepEqual(problems, [])
  return chargesOf(user, policy, { choice, now: NOW }).map(
    ({ scope, period, limit }) => `${scope} ${period} ${limit / 1e9}`,
  )
}

describe('the purses that a call is paid from', () => {
  const several = ' - {user: "*", usd: 50}\n - {members_of: research, usd: 30}\n'

  it('are none without a budget', () => assert.deepEqual(charged('ada', ''), []))

  it('are of everybody, of the members of a group, and of a group as a whole', () => {
    const budgets = `${several} - {group: research, usd: 1000}\n`
    assert.deepEqual(charged('linus', budgets), ['user:linus 2026-11 50'])
    assert.deepEqual(charged('grace', budgets), [
      'group:research 2026-11 1000',
      'user:grace 2026-11 50',
    ])
  })

  it('take the highest or the lowest of several for one period', () => {
    assert.deepEqual(charged('ada', several, 'highest'), ['user:ada 2026-11 50'])
    assert.deepEqual(charged('ada', several, 'lowest'), ['user:ada 2026-11 30'])
  })

  it('take the one that names the user, whatever the others say', () => {
    const budgets = `${several} - {user: ada, usd: 40}\n`
    assert.deepEqual(charged('ada', budgets, 'highest'), ['user:ada 2026-11 40'])
    assert.deepEqual(charged('ada', budgets, 'lowest'), ['user:ada 2026-11 40'])
  })

  it('are one for each period', () => {
    const budgets = ' - {user: ada, usd: 5, period: day}\n - {user: "*", usd: 50}\n'
    assert.deepEqual(charged('ada', budgets), ['user:ada 2026-11 50', 'user:ada 2026-11-22 5'])
  })
})
