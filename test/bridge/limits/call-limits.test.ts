import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { limitsOf } from '../../../src/bridge/limits/call-limits.ts'
import { anthropic } from '../../../src/bridge/providers/anthropic.ts'
import { bedrock } from '../../../src/bridge/providers/bedrock.ts'
import type { CallerPolicy } from '../../../src/kernel/budget.ts'

const policy: CallerPolicy = {
  groups: new Map(),
  rules: [],
  budgets: [{ owner: { kind: 'each' }, limit: 1, period: 'month' }],
}
const settings = { rateLimit: 5, policy, budget: { policy: 'highest', reserve: 7 } } as const

describe('the budgets of a call', () => {
  const bridged = { kind: 'bridged', route: '/v1/messages' } as const
  const ours = { credential: 'centralized', billing: 'metered' } as const
  const cases = [
    { why: 'count with a central key', type: anthropic, call: { ...bridged, ...ours }, charges: 1 },
    {
      why: 'do not with a key of the client',
      type: anthropic,
      call: { ...bridged, credential: 'byok', billing: 'metered' },
      charges: 0,
    },
    {
      why: 'do not where a plan pays',
      type: anthropic,
      call: { ...bridged, ...ours, billing: 'subscription' },
      charges: 0,
    },
    {
      why: 'do not for what only passes through',
      type: anthropic,
      call: { ...ours, kind: 'passthrough', route: '/v1/messages/count_tokens' },
      charges: 0,
    },
    {
      why: 'count for what passes through and costs as much',
      type: bedrock,
      call: { ...ours, kind: 'passthrough', route: '/model/*/converse' },
      charges: 1,
    },
  ] as const
  for (const { why, type, call, charges } of cases) {
    it(why, () => {
      const limits = limitsOf({ user: 'ada' }, call, { ...settings, type, now: 0 })
      assert.equal(limits.charges.length, charges)
      assert.deepEqual([limits.callsPerSecond, limits.reserve], [5, 7])
    })
  }
})
