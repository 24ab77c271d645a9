import type { Memory } from '../../kernel/memory.ts'
import type { RequestFacts, ResponseFacts } from '../../kernel/usage.ts'
import type { TapLimits } from './limits.ts'
import type { AnswerHead, Side } from './protocol.ts'

/**
 * Whose memory a side of a call uses. SECURITY: the two sides have shares of
 * their own, or callers could hide what their answers cost behind their uploads.
 */
export function holderOf(user: string, side: Side): string {
  return `${side} ${user}`
}

/** What an observation has to tell. */
export interface Listener {
  readonly onRequest: (facts: RequestFacts) => void
  readonly onResponse: (facts: ResponseFacts) => void
  readonly onStop: (side: Side) => void
  readonly onSettled: () => void
}

/** What bounds an observation, and whom it tells. */
export interface Shared {
  /** Its parts of the budget; given back for it when it is over, however that comes. */
  readonly memory: Readonly<Record<Side, Memory>>
  readonly limits: TapLimits
  readonly listener: Listener
}

/** One call under observation, on the worker's side. */
export interface Observation {
  head(head: AnswerHead): void
  bytes(side: Side, bytes: Buffer): void
  /** Bytes of this side are missing from here on. */
  lost(side: Side): void
  end(side: Side, complete: boolean): void
}
