import type { Clock } from '../kernel/clock.ts'
import type { BookStore, Retrieved } from './book-store.ts'
import type { TextMode } from './entry.ts'

/** Options that may change while calls are open. */
export interface RecorderSettings {
  readonly prompts: TextMode
  /** Calls pass while nothing can be written, and the gap is marked. */
  readonly failOpen: boolean
  readonly structuredLogging: boolean
  /** 0 keeps records forever. */
  readonly retentionMs: number
  /** 0 sets no bound. */
  readonly retentionBytes: number
}

export interface RecorderOptions {
  readonly store: BookStore
  readonly clock: Clock
  readonly settings: () => RecorderSettings
  /** Entries that may wait to be written. */
  readonly queueSize: number
  /** Takes one line of the structured log, without its end. */
  readonly writeLine: (line: string) => void
  /** The books cannot be written (with the cause), or can again (undefined). */
  readonly onState: (problem: string | undefined) => void
  /** An answer has ended that runs without its call, and is on record. */
  readonly onRetrieved?: (retrieved: Retrieved) => void
  /** How long a call waits to be begun. */
  readonly beginTimeoutMs?: number
}
