import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BudgetStanding } from '../../src/kernel/budget.ts'
import { ADMIN, startAdmin, USER } from './support.ts'

const OWN: BudgetStanding = {
  scope: 'user:ada',
  kind: 'month',
  period: '2026-11',
  resetsAt: Date.UTC(2026, 11, 1),
  limit: 100,
  spent: 60,
  reserved: 5,
  calls: 3,
}
const SHARED: BudgetStanding = { ...OWN, scope: 'group:research:eu', spent: 120 }

test('users see their own budgets, and of a shared one only whether it is used up', async t => {
  const asked: (string | null)[] = []
  const { get } = await startAdmin(t, {
    records: () => Promise.reject(new Error('not asked here')),
    budgets: async user => {
      asked.push(user)
      return [OWN, SHARED]
    },
  })
  const budgets = async (token: string) => {
    const answer = await get('/api/v2/aibridge/budgets', {
      headers: { 'Coder-Session-Token': token },
    })
    assert.equal(answer.status, 200)
    return ((await answer.json()) as { budgets: readonly Record<string, unknown>[] }).budgets
  }
  const own = {
    owner: { type: 'user', name: 'ada' },
    period: 'month',
    period_key: '2026-11',
    resets_at: '2026-12-01T00:00:00.000Z',
    limit_nano_usd: 100,
    spent_nano_usd: 60,
    reserved_nano_usd: 5,
    calls: 3,
    exhausted: false,
  }
  const hidden = { spent_nano_usd: null, reserved_nano_usd: null, calls: null }
  const shared = { ...own, owner: { type: 'group', name: 'research:eu' }, exhausted: true }
  assert.deepEqual(await budgets(USER), [own, { ...shared, ...hidden }])
  assert.deepEqual(await budgets(ADMIN), [own, { ...shared, spent_nano_usd: 120 }])
  assert.deepEqual(asked, ['ada', null])
  assert.equal((await get('/api/v2/aibridge/budgets')).status, 401)
})
