import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answerCost } from '../../../src/bridge/prices/answer-cost.ts'
import type { Billing } from '../../../src/kernel/price.ts'
import { parsePrices } from '../../config/loading.ts'
import { usage } from './usage.ts'

const NOVEMBER = Date.parse('2026-11-15T12:00:00Z')

interface Case {
  readonly what: string
  readonly type?: string
  readonly provider?: string
  readonly model: string | null
  readonly at?: string
  readonly billing?: Billing | undefined
  readonly counts: Parameters<typeof usage>[0] | null
  /** Worked out by hand, in dollars; null for no cost at all. */
  readonly dollars: string | null
}

/** The rows that the cases of the operator go by. */
const OWN = parsePrices(`
prices:
  - { provider: my-gateway, model: qwen3-coder, input: "0.30", output: "1.20", cache_read: "0.000001" }
  - { provider: my-gateway, model: "glm-*", input: "0.50", output: "2" }
  - { provider: my-gateway, model: "glm-5*", input: "0.60", output: "2.20" }
  - { type: openai, model: gpt-5, from: 2026-12-01, input: "1", output: "8", cache_read: "0.1" }
  - { type: openai, model: "gpt-4.1*", input: "9", output: "9", cache_read: "9" }
  - { type: openai, model: gpt-5-nano, input: "7", output: "7" }
  - { provider: discounted, model: gpt-5-nano, input: "6", output: "6" }
  - { provider: my-gateway, model: tiered, input: "1", output: "1", web_search: "10", tiers: { priority: "1.75", flex: 0.125 } }
  - { type: openai, model: free-of-charge, input: "0", output: "0" }
`)

const CASES: readonly Case[] = [
  // 1,000 × $3 + 500 × $15, by the million
  {
    what: 'input and output',
    model: 'claude-sonnet-4-5',
    counts: { input: 1000, output: 500 },
    dollars: '0.010500000',
  },
  {
    what: 'a dated snapshot',
    model: 'claude-sonnet-4-5-20250929',
    counts: { input: 1000, output: 500 },
    dollars: '0.010500000',
  },
  // 12 × 5 + 800 × 25 + 30,000 × 0.50 + 2,000 × 6.25
  {
    what: 'cache reads, and writes without a split as five minutes',
    model: 'claude-opus-4-5',
    counts: { input: 12, output: 800, cacheRead: 30_000, cacheWrite: 2000 },
    dollars: '0.047560000',
  },
  // 100 × 5 + 10 × 25 + 400 × 6.25 + 600 × 10
  {
    what: 'writes split by how long they are kept',
    model: 'claude-opus-5',
    counts: {
      input: 100,
      output: 10,
      cacheWrite: 1000,
      extra: { cache_ephemeral_5m_input: 400, cache_ephemeral_1h_input: 600 },
    },
    dollars: '0.009250000',
  },
  // 300 of the 1,300 are compaction's: 300 + 400 at 6.25, 600 at 10
  {
    what: 'writes that the split leaves out',
    model: 'claude-opus-5',
    counts: {
      input: 0,
      cacheWrite: 1300,
      extra: { cache_ephemeral_5m_input: 400, cache_ephemeral_1h_input: 600 },
    },
    dollars: '0.010375000',
  },
  // 1,000,000 × 0.25 of reads is all that differs from Fable 5
  {
    what: 'a cache that costs a fortieth',
    model: 'claude-fable-5-1',
    counts: { input: 0, cacheRead: 1_000_000 },
    dollars: '0.250000000',
  },
  {
    what: 'the same of the model before',
    model: 'claude-fable-5',
    counts: { input: 0, cacheRead: 1_000_000 },
    dollars: '1.000000000',
  },
  // 50 × 1 + 100 × 5 by the million, and 3 × $0.01
  {
    what: 'web searches beside tokens',
    model: 'claude-haiku-4-5-20251001',
    counts: { input: 50, output: 100, extra: { web_search_requests: 3 } },
    dollars: '0.030550000',
  },
  {
    what: 'a price on the day before it changed',
    model: 'claude-sonnet-5-5',
    at: '2026-10-06T23:59:59.999Z',
    counts: { cacheRead: 1_000_000 },
    dollars: '0.200000000',
  },
  {
    what: 'a price from the moment of its change',
    model: 'claude-sonnet-5-5',
    at: '2026-10-07T00:00:00.000Z',
    counts: { cacheRead: 1_000_000 },
    dollars: '0.100000000',
  },
  // 100,000 in all: 90,000 × 0.10 + 10,000 × 0.01 + 1,000 × 0.50
  {
    what: 'a prompt at the bound of a tier',
    model: 'claude-haiku-5-5',
    counts: { input: 90_000, cacheRead: 10_000, output: 1000 },
    dollars: '0.009600000',
  },
  // 100,001 in all: 90,000 × 0.50 + 10,001 × 0.05 + 1,000 × 2.50
  {
    what: 'a prompt beyond the bound, every token of it',
    model: 'claude-haiku-5-5',
    counts: { input: 90_000, cacheRead: 10_001, output: 1000 },
    dollars: '0.048000050',
  },
  // 100,001 of cache writes at 0.625
  {
    what: 'a prompt that is beyond the bound by what it wrote',
    model: 'claude-haiku-5-5',
    counts: { cacheWrite: 100_001 },
    dollars: '0.062500625',
  },
  // 700 × 1.25 + 300 × 0.125 + 400 × 10
  {
    what: 'chat with cached input',
    type: 'openai',
    model: 'gpt-5.1-2025-11-13',
    counts: { input: 700, output: 400, cacheRead: 300 },
    dollars: '0.004912500',
  },
  {
    what: 'reasoning once, as part of the output',
    type: 'openai',
    model: 'gpt-5-mini',
    counts: { input: 1000, output: 1000, extra: { output_reasoning: 900 } },
    dollars: '0.002250000',
  },
  // 1,000 × 2 + 2,000 × 2.50 + 4,000 × 0.10 + 100 × 10
  {
    what: 'cache writes of OpenAI',
    type: 'openai',
    model: 'gpt-6.2-sol',
    counts: { input: 1000, cacheWrite: 2000, cacheRead: 4000, output: 100 },
    dollars: '0.008400000',
  },
  // 272,001 × 4 + 1,000 × 15
  {
    what: 'a long prompt of OpenAI',
    type: 'openai',
    model: 'gpt-6-sol',
    counts: { input: 272_001, output: 1000 },
    dollars: '1.103004000',
  },
  {
    what: 'a snapshot with a price of its own',
    type: 'openai',
    model: 'gpt-4o-2024-05-13',
    counts: { input: 1000, output: 1000 },
    dollars: '0.020000000',
  },
  // 200,000 × 1.25 + 100 × 10
  {
    what: 'Gemini up to its bound',
    type: 'google',
    model: 'gemini-2.5-pro',
    counts: { input: 200_000, output: 100 },
    dollars: '0.251000000',
  },
  // 200,000 × 2.50 + 1 × 0.25 + 100 × 15
  {
    what: 'Gemini beyond it',
    type: 'google',
    model: 'gemini-2.5-pro',
    counts: { input: 200_000, cacheRead: 1, output: 100 },
    dollars: '0.501500250',
  },
  {
    what: 'an introductory price to its end',
    type: 'google',
    model: 'gemini-3.8-flash',
    at: '2026-12-31T23:59:59.999Z',
    counts: { input: 1_000_000, output: 1_000_000 },
    dollars: '4.500000000',
  },
  {
    what: 'the price after it',
    type: 'google',
    model: 'gemini-3.8-flash',
    at: '2027-01-01T00:00:00.000Z',
    counts: { input: 1_000_000, output: 1_000_000 },
    dollars: '9.000000000',
  },
  // 10 × 0.30 + 20 × 1.20
  {
    what: 'a model of a compatible provider, by its name',
    type: 'openai-compat',
    provider: 'my-gateway',
    model: 'qwen3-coder',
    counts: { input: 10, output: 20 },
    dollars: '0.000027000',
  },
  // 1,499 × 0.000001 by the million are 1.499 nano-dollars
  {
    what: 'fractions of a nano-dollar, rounded down',
    type: 'openai-compat',
    provider: 'my-gateway',
    model: 'qwen3-coder',
    counts: { cacheRead: 1499 },
    dollars: '0.000000001',
  },
  {
    what: 'fractions of a nano-dollar, rounded up',
    type: 'openai-compat',
    provider: 'my-gateway',
    model: 'qwen3-coder',
    counts: { cacheRead: 1500 },
    dollars: '0.000000002',
  },
  // 1,000 × 0.60: the longer beginning counts
  {
    what: 'the longest beginning that fits',
    type: 'openai-compat',
    provider: 'my-gateway',
    model: 'glm-5.2-air',
    counts: { input: 1000 },
    dollars: '0.000600000',
  },
  // (1,000 × 2 + 100 × 10) × 2
  {
    what: 'a fast answer of OpenAI',
    type: 'openai',
    model: 'gpt-6.1-sol',
    counts: { input: 1000, output: 100, extra: { tier_priority: 1 } },
    dollars: '0.006000000',
  },
  // 300,000 × 4 × 0.5
  {
    what: 'a long prompt at half its price',
    type: 'openai',
    model: 'gpt-6-sol',
    counts: { input: 300_000, extra: { tier_flex: 1 } },
    dollars: '0.600000000',
  },
  // 1,000 × 4 × 2 × 1.1
  {
    what: 'a fast answer that was made in the United States',
    model: 'claude-opus-5-5',
    counts: { input: 1000, extra: { tier_fast: 1, tier_us: 1 } },
    dollars: '0.008800000',
  },
  // 1,000 × 1 × 1.75, and one search
  {
    what: "the operator's tier, of tokens alone",
    type: 'openai-compat',
    provider: 'my-gateway',
    model: 'tiered',
    counts: { input: 1000, extra: { tier_priority: 1, web_search_requests: 1 } },
    dollars: '0.011750000',
  },
  // 4 × 1 × 0.125 are 0.5 micro-dollars
  {
    what: 'a tier with three places',
    type: 'openai-compat',
    provider: 'my-gateway',
    model: 'tiered',
    counts: { input: 4, extra: { tier_flex: 1 } },
    dollars: '0.000000500',
  },
  {
    what: 'no cost for a tier without a price',
    type: 'openai',
    model: 'gpt-6.1-sol',
    counts: { input: 1000, extra: { tier_ultrafast: 1 } },
    dollars: null,
  },
  {
    what: "the operator's beginning before the built-in id",
    type: 'openai',
    model: 'gpt-4.1-mini',
    counts: { input: 1000 },
    dollars: '0.009000000',
  },
  {
    what: "the built-in price until the operator's has come",
    type: 'openai',
    model: 'gpt-5',
    counts: { input: 1000 },
    dollars: '0.001250000',
  },
  {
    what: "the operator's price once it has come",
    type: 'openai',
    model: 'gpt-5',
    at: '2026-12-01T00:00:00Z',
    counts: { input: 1000 },
    dollars: '0.001000000',
  },
  {
    what: "a provider's name before its type",
    type: 'openai',
    provider: 'discounted',
    model: 'gpt-5-nano',
    counts: { input: 1_000_000 },
    dollars: '6.000000000',
  },
  {
    what: 'a price of nothing, which is a price',
    type: 'openai',
    model: 'free-of-charge',
    counts: { input: 1000, output: 1000 },
    dollars: '0.000000000',
  },
  {
    what: 'a partial usage by what is known of it',
    model: 'claude-opus-5-5',
    counts: { input: 1000, output: null },
    dollars: '0.004000000',
  },
  {
    what: 'no price for an unknown model',
    model: 'claude-next',
    counts: { input: 1000 },
    dollars: null,
  },
  {
    what: 'no price for a model whose name only begins like a known one',
    type: 'openai',
    model: 'gpt-5-pro',
    counts: { input: 1000 },
    dollars: null,
  },
  {
    what: "no price for another provider's model",
    type: 'openai-compat',
    model: 'gpt-5',
    counts: { input: 1000 },
    dollars: null,
  },
  { what: 'no price without a model', model: null, counts: { input: 1000 }, dollars: null },
  { what: 'no cost without a usage', model: 'claude-opus-5', counts: null, dollars: null },
  {
    what: 'no cost where something has no price',
    type: 'openai',
    model: 'gpt-5.1',
    counts: { input: 1000, cacheWrite: 5 },
    dollars: null,
  },
  {
    what: 'no cost for sound',
    type: 'openai',
    model: 'gpt-4o',
    counts: { input: 1000, extra: { prompt_audio: 10 } },
    dollars: null,
  },
  {
    what: 'no cost for counters that cannot be',
    model: 'claude-opus-5',
    counts: { output: 1_000_000_000_000 },
    dollars: null,
  },
  {
    what: 'no cost where a plan pays',
    model: 'claude-opus-5',
    billing: 'subscription',
    counts: { input: 1000 },
    dollars: null,
  },
  {
    what: 'no cost without a credential',
    model: 'claude-opus-5',
    billing: undefined,
    counts: { input: 1000 },
    dollars: null,
  },
]

describe('answerCost', () => {
  for (const given of CASES) {
    const { what, type = 'anthropic', model, counts, dollars } = given
    it(`counts ${what}`, () => {
      const cost = answerCost(
        OWN,
        {
          provider: given.provider ?? type,
          providerType: type,
          model,
          at: given.at === undefined ? NOVEMBER : Date.parse(given.at),
          billing: 'billing' in given ? given.billing : 'metered',
        },
        counts === null ? null : usage(counts),
      )
      // By hand, with the point moved by nine places.
      assert.equal(cost, dollars === null ? null : Number(dollars.replace('.', '')))
    })
  }
})
