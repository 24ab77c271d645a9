/** Microseconds: the time between two calls may be less than a millisecond. */
const SECOND = 1_000_000

export type RateVerdict =
  | { readonly ok: true; readonly next: number }
  | { readonly ok: false; readonly retryAt: number }

/**
 * The generic cell rate algorithm, with a burst of one second: `next` is when
 * the call after this one is due, in microseconds, and all there is to keep.
 * `now` and `retryAt` are milliseconds.
 */
export function judgeRate(next: number, now: number, callsPerSecond: number): RateVerdict {
  const interval = Math.max(1, Math.round(SECOND / callsPerSecond))
  const at = Math.round(now * 1000)
  // No call makes it later than this: some clock was ahead, and nobody is to wait for it.
  const due = next > at + SECOND ? at : next
  const tooEarly = due - at - (SECOND - interval)
  if (tooEarly > 0) return { ok: false, retryAt: now + Math.ceil(tooEarly / 1000) }
  return { ok: true, next: Math.max(due, at) + interval }
}
