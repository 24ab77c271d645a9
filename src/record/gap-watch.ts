import type { Clock } from '../kernel/clock.ts'
import type { GapEntry } from './entry.ts'

/**
 * Whether the books can be written, and what they do not hold: calls that passed
 * unrecorded at the time, and records that were lost because too many waited.
 */
export class GapWatch {
  readonly #clock: Clock
  #gap: { startedAt: number; cause: string; calls: number; records: number } | undefined
  #dropped = 0
  #problem: string | undefined
  readonly #onState: (problem: string | undefined) => void

  /** `onState` hears when writing begins to fail, and when it works again. */
  constructor(clock: Clock, onState: (problem: string | undefined) => void) {
    this.#clock = clock
    this.#onState = onState
  }

  /** Why the last attempt to write failed; undefined if it did not. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** Records lost since the start of the process. */
  get dropped(): number {
    return this.#dropped
  }

  /** How an attempt to write went: what to write down, if anything was missed before it. */
  turned(problem: string | undefined): Omit<GapEntry, 'type' | 'position'> | undefined {
    const before = this.#problem
    this.#problem = problem
    if ((before === undefined) !== (problem === undefined)) this.#onState(problem)
    if (problem === undefined) return this.#closed()
    this.#opened(problem)
    return undefined
  }

  #opened(cause: string): void {
    this.#gap ??= { startedAt: this.#clock.now(), cause, calls: 0, records: 0 }
  }

  /** A call went its way without being on record. */
  passed(cause: string): void {
    this.#opened(cause)
    if (this.#gap !== undefined) this.#gap.calls += 1
  }

  lost(): void {
    this.#dropped += 1
    this.#opened('too many records wait to be written')
    if (this.#gap !== undefined) this.#gap.records += 1
  }

  #closed(): Omit<GapEntry, 'type' | 'position'> | undefined {
    const gap = this.#gap
    this.#gap = undefined
    if (gap === undefined || gap.calls + gap.records === 0) return undefined
    return { ...gap, endedAt: this.#clock.now() }
  }
}
