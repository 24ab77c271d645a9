import { type ListedPrice, priceList } from './listed.ts'

/**
 * https://ai.google.dev/gemini-api/docs/pricing (Paid, Standard; text, images and
 * video), list of 2026-10-07.
 */
const ROWS: readonly ListedPrice[] = [
  {
    models: ['gemini-3.8-flash', 'gemini-3.7-flash', 'gemini-3.6-flash'],
    input: '0.75',
    output: '3.75',
    cacheRead: '0.075',
  },
  {
    models: ['gemini-3.8-flash', 'gemini-3.7-flash', 'gemini-3.6-flash'],
    from: '2027-01-01',
    input: '1.50',
    output: '7.50',
    cacheRead: '0.15',
  },
  { models: ['gemini-3.5-flash'], input: '1.50', output: '9', cacheRead: '0.15' },
  { models: ['gemini-3.5-flash-lite'], input: '0.30', output: '2.50', cacheRead: '0.03' },
  {
    models: ['gemini-3.1-pro-preview', 'gemini-3-pro-preview'],
    input: '2',
    output: '12',
    cacheRead: '0.20',
    longPrompt: { above: 200_000, input: '4', output: '18', cacheRead: '0.40' },
  },
  { models: ['gemini-3.1-flash-lite'], input: '0.25', output: '1.50', cacheRead: '0.025' },
  { models: ['gemini-3-flash-preview'], input: '0.50', output: '3', cacheRead: '0.05' },
  {
    models: ['gemini-2.5-pro'],
    input: '1.25',
    output: '10',
    cacheRead: '0.125',
    longPrompt: { above: 200_000, input: '2.50', output: '15', cacheRead: '0.25' },
  },
  { models: ['gemini-2.5-flash'], input: '0.30', output: '2.50', cacheRead: '0.03' },
  { models: ['gemini-2.5-flash-lite'], input: '0.10', output: '0.40', cacheRead: '0.01' },
]

export const GOOGLE_PRICES = priceList(['google'], ROWS)
