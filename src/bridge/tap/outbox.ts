import type { SharedMemory } from '../../kernel/memory.ts'
import type { Batch, Operation, Side } from './protocol.ts'

/** A batch goes when it is full. */
const BATCH_BYTES = 64 * 1024

/** Bounds what the operations without bytes add up to. */
const BATCH_OPERATIONS = 1024

/** A batch goes after this long, full or not. */
const BATCH_MS = 50

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
  #operations = new Map<string, Operation[]>()
  #count = 0
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
    this.#push(user, operation)
    if (this.#count >= BATCH_OPERATIONS) this.flush()
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
    if (this.#count === 0) return
    const batch = { bytes: this.#detach(), operations: this.#operations }
    this.#begin()
    this.#post(batch)
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
    this.#operations = new Map()
    this.#count = 0
    this.#last = undefined
    this.#used = 0
  }

  #note({ id, user, side }: Owner, length: number): void {
    const last = this.#last
    if (last?.id === id && last.side === side) last.to += length
    else {
      this.#last = { op: 'bytes', id, side, from: this.#used, to: this.#used + length }
      this.#push(user, this.#last)
    }
    this.#used += length
  }

  #push(user: string, operation: Operation): void {
    const operations = this.#operations.get(user)
    if (operations === undefined) this.#operations.set(user, [operation])
    else operations.push(operation)
    this.#count += 1
  }

  /** The bytes of the batch in a buffer of their own, which can be given away. */
  #detach(): Uint8Array<ArrayBuffer> {
    if (this.#used < BATCH_BYTES / 2) return this.#bytes.slice(0, this.#used)
    const full = this.#bytes.subarray(0, this.#used)
    this.#bytes = new Uint8Array(new ArrayBuffer(BATCH_BYTES))
    return full
  }

  #schedule(): void {
    if (this.#count === 0) return
    this.#timer ??= setTimeout(() => this.flush(), BATCH_MS)
  }
}
