import type { RequestFacts, ResponseFacts } from '../../kernel/usage.ts'
import type { TapLimits } from './limits.ts'
import type { Memory } from './memory.ts'
import type { AnswerHead, Side } from './protocol.ts'

/** What an observation has to tell. */
export interface Listener {
  readonly onRequest: (facts: RequestFacts) => void
  readonly onResponse: (facts: ResponseFacts) => void
  readonly onStop: (side: Side) => void
  readonly onSettled: () => void
}

/** What bounds an observation, and whom it tells. */
export interface Shared {
  /** Its part of the budget; given back for it when it is over, however that comes. */
  readonly memory: Memory
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
