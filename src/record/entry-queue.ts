import { type Entry, entrySize } from './entry.ts'
import type { Denial } from './limits/denial.ts'

/** An entry that somebody waits for. */
export interface Waiting {
  readonly entry: Entry
  /** Called once with how it went; what comes later is ignored. */
  readonly settle: (failure?: string | Denial) => void
  readonly isSettled: () => boolean
}

/** An entry on its way, whether somebody waits for it or nobody does. */
export type Queued = Waiting | { readonly entry: Entry; readonly settle?: undefined }

export interface Batch {
  readonly begins: readonly Waiting[]
  readonly rest: readonly Queued[]
}

const BATCH_BEGINS = 1000
const BATCH_REST = 1000
const BATCH_BYTES = 8 * 1024 * 1024

/**
 * What waits to be written, with bounds of number and size. Calls that begin go
 * first: somebody waits for them.
 */
export class EntryQueue {
  readonly #maxEntries: number
  readonly #maxBytes: number
  #begins: Waiting[] = []
  #rest: Queued[] = []
  #bytes = 0
  /** Of the rest, those that somebody waits for. */
  #waiting = 0

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
  }

  get length(): number {
    return this.#begins.length + this.#rest.length
  }

  /** Whether somebody waits for one of them. */
  get isAwaited(): boolean {
    return this.#begins.length + this.#waiting > 0
  }

  /** Whether the next batch is full, so that there is nothing to wait for. */
  get isBatchFull(): boolean {
    return this.#rest.length >= BATCH_REST || this.#bytes >= BATCH_BYTES
  }

  /** False when there is no room. */
  pushBegin(begin: Waiting): boolean {
    if (this.#begins.length >= this.#maxEntries) return false
    this.#begins.push(begin)
    return true
  }

  /**
   * False when there is no room. The end of a call is small and tells the most,
   * so it may take as much room again. SECURITY: prompts get half of the bytes,
   * or whoever sends long ones by the dozen could hide what others' answers cost.
   */
  push(queued: Queued): boolean {
    const { entry } = queued
    const size = entrySize(entry)
    const isEnd = entry.type === 'end' || entry.type === 'gap'
    const share = isEnd ? 2 : 1
    if (this.#rest.length >= share * this.#maxEntries) return false
    const bytes = entry.type === 'request' ? this.#maxBytes / 2 : share * this.#maxBytes
    if (this.#bytes + size > bytes) return false
    this.#rest.push(queued)
    this.#count([queued], 1)
    return true
  }

  take(): Batch {
    const begins = this.#begins.splice(0, BATCH_BEGINS).filter(isWanted)
    let count = 0
    let bytes = 0
    for (const { entry } of this.#rest) {
      if (count >= BATCH_REST || bytes >= BATCH_BYTES) break
      count += 1
      bytes += entrySize(entry)
    }
    const taken = this.#rest.splice(0, count)
    this.#count(taken, -1)
    return { begins, rest: taken.filter(isWanted) }
  }

  /** A batch that could not be written comes first again. */
  putBack(rest: readonly Queued[]): void {
    this.#rest = [...rest, ...this.#rest]
    this.#count(rest, 1)
  }

  #count(rest: readonly Queued[], sign: 1 | -1): void {
    for (const { entry, settle } of rest) {
      this.#bytes += sign * entrySize(entry)
      if (settle !== undefined) this.#waiting += sign
    }
  }
}

/** Whoever has stopped waiting has been told that it is not written. */
function isWanted(queued: Queued): boolean {
  return queued.settle === undefined || !queued.isSettled()
}
