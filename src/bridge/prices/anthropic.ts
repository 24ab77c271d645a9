import { type ListedPrice, priceList } from './listed.ts'

/** Inference in the United States only: https://platform.claude.com/docs/manage-claude/data-residency. */
const US = { us: '1.1' }
/** https://platform.claude.com/docs/en/build-with-claude/fast-mode. */
const FAST = { fast: '2', ...US }

/** https://platform.claude.com/docs/en/about-claude/pricing, list of 2026-10-24. */
const ROWS: readonly ListedPrice[] = [
  {
    models: ['claude-fable-5-1', 'claude-mythos-5-1'],
    input: '10',
    output: '50',
    cacheRead: '0.25',
    cacheWrite5m: '12.50',
    cacheWrite1h: '20',
    tiers: US,
  },
  {
    models: ['claude-fable-5', 'claude-mythos-5'],
    input: '10',
    output: '50',
    cacheRead: '1',
    cacheWrite5m: '12.50',
    cacheWrite1h: '20',
    tiers: US,
  },
  {
    models: ['claude-opus-5-5'],
    input: '4',
    output: '20',
    cacheRead: '0.20',
    cacheWrite5m: '5',
    cacheWrite1h: '8',
    tiers: FAST,
  },
  {
    models: ['claude-opus-5', 'claude-opus-4-8'],
    input: '5',
    output: '25',
    cacheRead: '0.50',
    cacheWrite5m: '6.25',
    cacheWrite1h: '10',
    tiers: FAST,
  },
  {
    models: ['claude-opus-4-7', 'claude-opus-4-6'],
    input: '5',
    output: '25',
    cacheRead: '0.50',
    cacheWrite5m: '6.25',
    cacheWrite1h: '10',
    tiers: US,
  },
  {
    models: ['claude-opus-4-5'],
    input: '5',
    output: '25',
    cacheRead: '0.50',
    cacheWrite5m: '6.25',
    cacheWrite1h: '10',
  },
  {
    models: ['claude-sonnet-5-5', 'claude-sonnet-5'],
    input: '2',
    output: '10',
    cacheRead: '0.20',
    cacheWrite5m: '2.50',
    cacheWrite1h: '4',
    tiers: US,
  },
  {
    models: ['claude-sonnet-5-5'],
    from: '2026-10-07',
    input: '2',
    output: '10',
    cacheRead: '0.10',
    cacheWrite5m: '2.50',
    cacheWrite1h: '4',
    tiers: US,
  },
  {
    models: ['claude-sonnet-4-6'],
    input: '3',
    output: '15',
    cacheRead: '0.30',
    cacheWrite5m: '3.75',
    cacheWrite1h: '6',
    tiers: US,
  },
  {
    models: ['claude-sonnet-4-5'],
    input: '3',
    output: '15',
    cacheRead: '0.30',
    cacheWrite5m: '3.75',
    cacheWrite1h: '6',
  },
  {
    models: ['claude-haiku-5-5'],
    input: '0.10',
    output: '0.50',
    cacheRead: '0.01',
    cacheWrite5m: '0.125',
    cacheWrite1h: '0.20',
    longPrompt: {
      above: 100_000,
      input: '0.50',
      output: '2.50',
      cacheRead: '0.05',
      cacheWrite5m: '0.625',
      cacheWrite1h: '1',
    },
    tiers: US,
  },
  {
    models: ['claude-haiku-4-5'],
    input: '1',
    output: '5',
    cacheRead: '0.10',
    cacheWrite5m: '1.25',
    cacheWrite1h: '2',
  },
]

export const ANTHROPIC_PRICES = priceList(['anthropic'], ROWS, { webSearch: '10' })
