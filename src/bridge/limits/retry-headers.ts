import type { Refusal } from '../../kernel/error.ts'

/** Nobody is made to wait for longer: an agent that slept until next month would look dead. */
const LONGEST_WAIT_S = 60

/**
 * When to come again, for every reader there is: `Retry-After` (RFC 9110), the
 * fields of draft-ietf-httpapi-ratelimit-headers-10 with the real time, and,
 * where waiting is no use, the word by which the vendors' SDKs stop trying.
 */
export function retryHeaders(
  { retryAt, limit }: Pick<Refusal, 'retryAt' | 'limit'>,
  now: number,
): string[] {
  if (retryAt === undefined) return []
  const seconds = Math.max(1, Math.ceil((retryAt - now) / 1000))
  const headers = ['Retry-After', String(Math.min(seconds, LONGEST_WAIT_S))]
  if (seconds > LONGEST_WAIT_S) headers.push('X-Should-Retry', 'false')
  if (limit === undefined) return headers
  const { policy, quota, unit, windowMs } = limit
  if (quota !== undefined) {
    const window = windowMs === undefined ? '' : `;w=${Math.round(windowMs / 1000)}`
    const counted = unit === undefined ? '' : `;qu="${unit}"`
    headers.push('RateLimit-Policy', `"${policy}";q=${quota}${counted}${window}`)
  }
  headers.push('RateLimit', `"${policy}";r=0;t=${seconds}`)
  return headers
}
