import type { Memory } from '../../kernel/memory.ts'

const SMALLEST = 256
const LARGEST = 1024 * 1024
const EMPTY = Buffer.alloc(0)

/**
 * Collects bytes that arrive in pieces. Copies them, so that a piece of a large
 * shared buffer does not keep all of it alive, and so that many tiny pieces
 * cost no more than their bytes. Grows by slabs: what is there is not copied
 * again before it is taken.
 */
export class ByteBuffer {
  readonly #memory: Memory
  #full: Buffer[] = []
  #slab: Buffer = EMPTY
  #used = 0
  #length = 0

  constructor(memory: Memory) {
    this.#memory = memory
  }

  get length(): number {
    return this.#length
  }

  /** False, and nothing kept, when all observations together hold too much. */
  append(piece: Buffer): boolean {
    if (!this.#memory.take(piece.length)) return false
    const copied = piece.copy(this.#slab, this.#used)
    this.#used += copied
    this.#length += piece.length
    if (copied === piece.length) return true

    if (this.#used > 0) this.#full.push(this.#slab)
    const rest = piece.length - copied
    const room = Math.max(rest, Math.min(LARGEST, Math.max(SMALLEST, this.#length)))
    this.#slab = Buffer.allocUnsafeSlow(room)
    this.#used = piece.copy(this.#slab, 0, copied)
    return true
  }

  /** What was collected; the next piece begins anew. */
  take(): Buffer {
    const last = this.#slab.subarray(0, this.#used)
    const taken = this.#full.length === 0 ? last : Buffer.concat([...this.#full, last])
    this.clear()
    return taken
  }

  clear(): void {
    this.#memory.release(this.#length)
    this.#full = []
    this.#slab = EMPTY
    this.#used = 0
    this.#length = 0
  }
}
