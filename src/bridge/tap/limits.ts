const MIB = 1024 * 1024

/** What the side tap may hold on to. */
export interface TapLimits {
  /** Of one call: a body that has to be collected before it can be read. */
  readonly callBytes: number
  /** Of all calls together: on their way to the worker, and as much again that it keeps. */
  readonly processBytes: number
  /** Of one event or message of a stream. */
  readonly eventBytes: number
}

export const TAP_LIMITS: TapLimits = {
  callBytes: 32 * MIB,
  processBytes: 64 * MIB,
  eventBytes: 8 * MIB,
}
