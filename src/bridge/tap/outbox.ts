import type { SharedMemory } from '../../kernel/memory.ts'
import type { Operation, Posted, Side } from './protocol.ts'

/** A batch goes when it is full. */
const BATCH_BYTES = 64 * 1024

/** Bounds what the operations without bytes add up to. */
const BATCH_OPERATIONS = 1024

/** A batch goes after this long, full or not. */
const BATCH_MS = 50

export interface Batch {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly operations: readonly Posted[]
}

type Post = (batch: Batch) => void

/** Of whose bytes a copy is made, and who holds it until it has been read. */
export interface Owner {
  readonly id: number
  readonly user: string
  readonly side: Side
  readonly holder: string
}

/**
 * Gathers copies of what many streams carry into few messages: what costs is
 * the message, not the copy.
 */
export class Outbox {
  readonly #memory: SharedMemory
  readonly #post: Post
  #bytes = new Uint8Array(new ArrayBuffer(BATCH_BYTES))
  #used = 0
  #operations: Posted[] = []
  #last: Extract<Operation, { op: 'bytes' }> | undefined
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  /** `memory`: of what has not been read. */
  constructor(memory: SharedMemory, post: Post) {
    this.#memory = memory
    this.#post = post
  }

  /** Copies `chunk`, which may be changed or reused afterwards; false when there is no room. */
  bytes(owner: Owner, chunk: Uint8Array): boolean {
    if (!this.#memory.take(owner.holder, chunk.length)) return false
    for (let from = 0; from < chunk.length; ) {
      const piece = chunk.subarray(from, from + BATCH_BYTES - this.#used)
      this.#bytes.set(piece, this.#used)
      this.#note(owner, piece.length)
      from += piece.length
      if (this.#used === BATCH_BYTES) this.flush()
    }
    this.#schedule()
    return true
  }

  add(user: string, operation: Operation): void {
    this.#last = undefined
    this.#operations.push({ user, operation })
    if (this.#operations.length >= BATCH_OPERATIONS) this.flush()
    else this.#schedule()
  }

  /** Sends at the end of this turn of the event loop, with what else ends in it. */
  soon(): void {
    this.#immediate ??= setImmediate(() => this.flush())
  }

  flush(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
    this.#timer = undefined
    this.#immediate = undefined
    const operations = this.#operations
    if (operations.length === 0) return
    const bytes = this.#detach()
    this.#begin()
    this.#post({ bytes, operations })
  }

  /** So many bytes of each holder have been read. */
  onRead(read: ReadonlyMap<string, number>): void {
    for (const [holder, bytes] of read) this.#memory.release(holder, bytes)
  }

  /** Nobody is there any more who would read what was sent. */
  forget(): void {
    this.#begin()
    this.#memory.releaseAll()
  }

  #begin(): void {
    this.#operations = []
    this.#last = undefined
    this.#used = 0
  }

  #note({ id, user, side }: Owner, length: number): void {
    const last = this.#last
    if (last?.id === id && last.side === side) last.to += length
    else {
      this.#last = { op: 'bytes', id, side, from: this.#used, to: this.#used + length }
      this.#operations.push({ user, operation: this.#last })
    }
    this.#used += length
  }

  /** The bytes of the batch in a buffer of their own, which can be given away. */
  #detach(): Uint8Array<ArrayBuffer> {
    if (this.#used < BATCH_BYTES / 2) return this.#bytes.slice(0, this.#used)
    const full = this.#bytes.subarray(0, this.#used)
    this.#bytes = new Uint8Array(new ArrayBuffer(BATCH_BYTES))
    return full
  }

  #schedule(): void {
    if (this.#operations.length === 0) return
    this.#timer ??= setTimeout(() => this.flush(), BATCH_MS)
  }
}
