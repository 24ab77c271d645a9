import { type BeginEntry, type Entry, entrySize } from './entry.ts'
import type { Denial } from './limits/denial.ts'

/** A call that waits to be begun. */
export interface WaitingBegin {
  readonly entry: BeginEntry
  /** Called once with how it went; what comes later is ignored. */
  readonly settle: (failure?: string | Denial) => void
  readonly isSettled: () => boolean
}

export interface Batch {
  readonly begins: readonly WaitingBegin[]
  readonly rest: readonly Entry[]
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
  #begins: WaitingBegin[] = []
  #rest: Entry[] = []
  #bytes = 0

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
  }

  get length(): number {
    return this.#begins.length + this.#rest.length
  }

  get hasBegins(): boolean {
    return this.#begins.length > 0
  }

  /** Whether the next batch is full, so that there is nothing to wait for. */
  get isBatchFull(): boolean {
    return this.#rest.length >= BATCH_REST || this.#bytes >= BATCH_BYTES
  }

  /** False when there is no room. */
  pushBegin(begin: WaitingBegin): boolean {
    if (this.#begins.length >= this.#maxEntries) return false
    this.#begins.push(begin)
    return true
  }

  /**
   * False when there is no room. The end of a call is small and tells the most,
   * so it may take as much room again.
   */
  push(entry: Entry): boolean {
    const size = entrySize(entry)
    const isEnd = entry.type === 'end' || entry.type === 'gap'
    const share = isEnd ? 2 : 1
    if (this.#rest.length >= share * this.#maxEntries) return false
    if (this.#bytes + size > share * this.#maxBytes) return false
    this.#rest.push(entry)
    this.#bytes += size
    return true
  }

  take(): Batch {
    const begins = this.#begins.splice(0, BATCH_BEGINS).filter(begin => !begin.isSettled())
    let count = 0
    let bytes = 0
    for (const entry of this.#rest) {
      if (count >= BATCH_REST || bytes >= BATCH_BYTES) break
      count += 1
      bytes += entrySize(entry)
    }
    this.#bytes -= bytes
    return { begins, rest: this.#rest.splice(0, count) }
  }

  /** A batch that could not be written comes first again. */
  putBack(rest: readonly Entry[]): void {
    this.#rest = [...rest, ...this.#rest]
    this.#bytes += rest.reduce((sum, entry) => sum + entrySize(entry), 0)
  }
}
