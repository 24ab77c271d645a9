import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Judgement, judge, type Seen } from '../../src/bridge/judge.ts'
import type { Reason } from '../../src/kernel/reasons.ts'

const STATUSES = [500, 502, 503, 504, 529]
const broken = (reason: Reason, callerAtFault = false): Seen => ({ reason, callerAtFault })

const CASES: readonly (readonly [seen: Seen, judgement: Judgement])[] = [
  [{ status: 101 }, 'success'],
  [{ status: 200 }, 'success'],
  [{ status: 304 }, 'success'],
  [{ status: 400 }, 'ignored'],
  [{ status: 404 }, 'ignored'],
  [{ status: 413 }, 'ignored'],
  [{ status: 401 }, 'unauthorised'],
  [{ status: 403 }, 'forbidden'],
  [{ status: 429 }, 'rate_limited'],
  [{ status: 500 }, 'fault'],
  [{ status: 501 }, 'ignored'],
  [{ status: 502 }, 'fault'],
  [{ status: 503 }, 'outage'],
  [{ status: 504 }, 'fault'],
  [{ status: 529 }, 'outage'],
  [broken('provider_unreachable'), 'outage'],
  [broken('provider_tls'), 'outage'],
  [broken('provider_broken'), 'fault'],
  [broken('provider_timeout'), 'fault'],
  [broken('provider_broken', true), 'ignored'],
  [broken('internal'), 'ignored'],
]

describe('what an answer counts as', () => {
  for (const [seen, judgement] of CASES) {
    it(`${JSON.stringify(seen)} is ${judgement}`, () => {
      assert.equal(judge(seen, STATUSES), judgement)
    })
  }

  it('goes by the list of failures that the operator chose', () => {
    assert.equal(judge({ status: 500 }, [503]), 'ignored')
    assert.equal(judge({ status: 501 }, [501]), 'fault')
  })
})
