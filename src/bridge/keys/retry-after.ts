import { firstHeader, type RawHeaders } from '../../kernel/headers.ts'

const DEFAULT_MS = 30_000
const LONGEST_MS = 3_600_000

/**
 * How long a provider wants to be left alone: `Retry-After` in seconds or as a
 * date (RFC 9110 10.2.3), half a minute where it does not say, an hour at most.
 */
export function retryAfterMs(headers: RawHeaders, now: number): number {
  const text = firstHeader(headers, 'retry-after')?.trim() ?? ''
  const ms = /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Number(text) * 1000 : untilDate(text, now)
  return Math.min(Math.max(ms, 0), LONGEST_MS)
}

function untilDate(text: string, now: number): number {
  const date = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(date) ? DEFAULT_MS : date - now
}
