import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { retryHeaders } from '../../../src/bridge/limits/retry-headers.ts'
import { Refusal } from '../../../src/kernel/error.ts'

const NOW = 1_700_000_000_000

describe('the headers of a refusal', () => {
  const cases = [
    { why: 'none without a time', options: {}, headers: [] },
    { why: 'full seconds, at least one', options: { retryAt: NOW }, headers: ['Retry-After', '1'] },
    {
      why: 'the next full second',
      options: { retryAt: NOW + 1001 },
      headers: ['Retry-After', '2'],
    },
    {
      why: 'no tries where waiting is no use',
      options: { retryAt: NOW + 3_600_000 },
      headers: ['Retry-After', '60', 'X-Should-Retry', 'false'],
    },
    {
      why: 'the limit and its window',
      options: { retryAt: NOW + 500, limit: { policy: 'calls', quota: 20, windowMs: 1000 } },
      headers: [
        'Retry-After',
        '1',
        'RateLimit-Policy',
        '"calls";q=20;w=1',
        'RateLimit',
        '"calls";r=0;t=1',
      ],
    },
    {
      why: 'what is counted, if not calls',
      options: {
        retryAt: NOW + 500,
        limit: { policy: 'concurrency', quota: 2, unit: 'concurrent-requests' as const },
      },
      headers: [
        'Retry-After',
        '1',
        'RateLimit-Policy',
        '"concurrency";q=2;qu="concurrent-requests"',
        'RateLimit',
        '"concurrency";r=0;t=1',
      ],
    },
    {
      why: 'no number that the caller may not know',
      options: { retryAt: NOW + 500, limit: { policy: 'budget' } },
      headers: ['Retry-After', '1', 'RateLimit', '"budget";r=0;t=1'],
    },
  ]
  for (const { why, options, headers } of cases) {
    it(`say ${why}`, () => {
      assert.deepEqual(
        retryHeaders(new Refusal('too_many_calls', undefined, options), NOW),
        headers,
      )
    })
  }
})
