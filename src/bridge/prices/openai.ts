import { type ListedPrice, priceList } from './listed.ts'

/** Flex, and what `fast` is called in answers. */
const TIERS = { flex: '0.5', priority: '2' }

/**
 * https://developers.openai.com/api/docs/pricing (Standard), list of 2026-11-18.
 * Cache writes are the ones for 30 minutes: answers do not tell those for 12
 * hours, which cost twice as much, from them.
 */
const ROWS: readonly ListedPrice[] = [
  {
    models: ['gpt-6.2-sol', 'gpt-6.1-sol'],
    input: '2',
    output: '10',
    cacheRead: '0.10',
    cacheWrite5m: '2.50',
    longPrompt: { above: 272_000, input: '4', output: '15', cacheRead: '0.2', cacheWrite5m: '5' },
    tiers: TIERS,
  },
  {
    models: ['gpt-6.1-terra'],
    input: '1',
    output: '5',
    cacheRead: '0.05',
    cacheWrite5m: '1.25',
    longPrompt: {
      above: 272_000,
      input: '2',
      output: '7.5',
      cacheRead: '0.1',
      cacheWrite5m: '2.5',
    },
    tiers: TIERS,
  },
  {
    models: ['gpt-6-astra'],
    input: '10',
    output: '50',
    cacheRead: '1',
    cacheWrite5m: '12.50',
    longPrompt: { above: 272_000, input: '20', output: '75', cacheRead: '2', cacheWrite5m: '25' },
    tiers: TIERS,
  },
  {
    models: ['gpt-6-sol'],
    input: '2',
    output: '10',
    cacheRead: '0.20',
    cacheWrite5m: '2.50',
    longPrompt: { above: 272_000, input: '4', output: '15', cacheRead: '0.4', cacheWrite5m: '5' },
    tiers: TIERS,
  },
  {
    models: ['gpt-6-luna'],
    input: '0.10',
    output: '0.50',
    cacheRead: '0.01',
    cacheWrite5m: '0.125',
    longPrompt: {
      above: 272_000,
      input: '0.2',
      output: '0.75',
      cacheRead: '0.02',
      cacheWrite5m: '0.25',
    },
    tiers: TIERS,
  },
  {
    models: ['gpt-5.6-sol'],
    input: '4',
    output: '20',
    cacheRead: '0.40',
    cacheWrite5m: '5',
    longPrompt: { above: 272_000, input: '8', output: '30', cacheRead: '0.8', cacheWrite5m: '10' },
    tiers: TIERS,
  },
  {
    models: ['gpt-5.6-terra'],
    input: '2',
    output: '12',
    cacheRead: '0.20',
    cacheWrite5m: '2.50',
    longPrompt: { above: 272_000, input: '4', output: '18', cacheRead: '0.4', cacheWrite5m: '5' },
    tiers: TIERS,
  },
  {
    models: ['gpt-5.6-luna'],
    input: '0.20',
    output: '1.20',
    cacheRead: '0.02',
    cacheWrite5m: '0.25',
    longPrompt: {
      above: 272_000,
      input: '0.4',
      output: '1.8',
      cacheRead: '0.04',
      cacheWrite5m: '0.5',
    },
    tiers: TIERS,
  },
  {
    models: ['gpt-5.5'],
    input: '5',
    output: '30',
    cacheRead: '0.50',
    longPrompt: { above: 272_000, input: '10', output: '45', cacheRead: '1' },
  },
  {
    models: ['gpt-5.4'],
    input: '2.50',
    output: '15',
    cacheRead: '0.25',
    longPrompt: { above: 272_000, input: '5', output: '22.5', cacheRead: '0.5' },
  },
  { models: ['gpt-5.4-mini'], input: '0.75', output: '4.50', cacheRead: '0.075' },
  { models: ['gpt-5.4-nano'], input: '0.20', output: '1.25', cacheRead: '0.02' },
  {
    models: ['gpt-5.3-codex', 'gpt-5.2-codex', 'gpt-5.2'],
    input: '1.75',
    output: '14',
    cacheRead: '0.175',
  },
  {
    models: ['gpt-5.1', 'gpt-5.1-codex', 'gpt-5.1-codex-max', 'gpt-5', 'gpt-5-codex'],
    input: '1.25',
    output: '10',
    cacheRead: '0.125',
  },
  { models: ['gpt-5.1-codex-mini', 'gpt-5-mini'], input: '0.25', output: '2', cacheRead: '0.025' },
  { models: ['gpt-5-nano'], input: '0.05', output: '0.40', cacheRead: '0.005' },
  { models: ['gpt-4.1', 'o3'], input: '2', output: '8', cacheRead: '0.50' },
  { models: ['gpt-4.1-mini'], input: '0.40', output: '1.60', cacheRead: '0.10' },
  { models: ['gpt-4.1-nano'], input: '0.10', output: '0.40', cacheRead: '0.025' },
  { models: ['gpt-4o'], input: '2.50', output: '10', cacheRead: '1.25' },
  { models: ['gpt-4o-2024-05-13'], input: '5', output: '15' },
  { models: ['gpt-4o-mini'], input: '0.15', output: '0.60', cacheRead: '0.075' },
  { models: ['o4-mini'], input: '1.10', output: '4.40', cacheRead: '0.275' },
]

export const OPENAI_PRICES = priceList(['openai'], ROWS)
