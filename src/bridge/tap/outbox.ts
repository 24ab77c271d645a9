import type { Operation, Side } from './protocol.ts'

/** A batch goes when it is full. */
const BATCH_BYTES = 64 * 1024

/** Bounds what the operations without bytes add up to. */
const BATCH_OPERATIONS = 1024

/** A batch goes after this long, full or not. */
const BATCH_MS = 50

type Post = (bytes: Uint8Array<ArrayBuffer>, operations: readonly Operation[]) => void

/**
 * Gathers copies of what many streams carry into few messages: what costs is
 * the message, not the copy.
 */
export class Outbox {
  readonly #post: Post
  #bytes = new Uint8Array(new ArrayBuffer(BATCH_BYTES))
  #used = 0
  #operations: Operation[] = []
  #last: Extract<Operation, { op: 'bytes' }> | undefined
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  constructor(post: Post) {
    this.#post = post
  }

  /** Copies `chunk`; it may be changed or reused afterwards. */
  bytes(id: number, side: Side, chunk: Uint8Array): void {
    for (let from = 0; from < chunk.length; ) {
      const piece = chunk.subarray(from, from + BATCH_BYTES - this.#used)
      this.#bytes.set(piece, this.#used)
      this.#note(id, side, piece.length)
      from += piece.length
      if (this.#used === BATCH_BYTES) this.flush()
    }
    this.#schedule()
  }

  add(operation: Operation): void {
    this.#last = undefined
    this.#operations.push(operation)
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
    this.#operations = []
    this.#last = undefined
    this.#used = 0
    this.#post(bytes, operations)
  }

  #note(id: number, side: Side, length: number): void {
    const last = this.#last
    if (last?.id === id && last.side === side) last.to += length
    else {
      this.#last = { op: 'bytes', id, side, from: this.#used, to: this.#used + length }
      this.#operations.push(this.#last)
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
