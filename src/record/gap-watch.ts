import type { Clock } from '../kernel/clock.ts'
import type { GapEntry } from './entry.ts'

/**
 * Counts what the books do not hold: calls that passed unrecorded at the time,
 * and records that were lost because too many waited.
 */
export class GapWatch {
  readonly #clock: Clock
  #gap: { startedAt: number; cause: string; calls: number; records: number } | undefined
  #dropped = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Records lost since the start of the process. */
  get dropped(): number {
    return this.#dropped
  }

  /** Nothing can be written from now on. */
  opened(cause: string): void {
    this.#gap ??= { startedAt: this.#clock.now(), cause, calls: 0, records: 0 }
  }

  /** A call went its way without being on record. */
  passed(cause: string): void {
    this.opened(cause)
    if (this.#gap !== undefined) this.#gap.calls += 1
  }

  lost(): void {
    this.#dropped += 1
    this.opened('too many records wait to be written')
    if (this.#gap !== undefined) this.#gap.records += 1
  }

  /** Writing works again: what to write down, if anything was missed. */
  close(): Omit<GapEntry, 'type' | 'position'> | undefined {
    const gap = this.#gap
    this.#gap = undefined
    if (gap === undefined || gap.calls + gap.records === 0) return undefined
    return { ...gap, endedAt: this.#clock.now() }
  }
}
