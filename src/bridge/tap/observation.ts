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

/** What all observations share, and whom this one tells. */
export interface Shared {
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
  /** Gives back what it holds; nothing is told any more. */
  cancel(): void
}
