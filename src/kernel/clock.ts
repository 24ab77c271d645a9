/**
 * Time as a port, so that tests own it. `now` is the wall clock for records
 * and expiry; `monotonic` is for durations, which a clock step must not make
 * negative. Both in milliseconds.
 */
export interface Clock {
  now(): number
  monotonic(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}
