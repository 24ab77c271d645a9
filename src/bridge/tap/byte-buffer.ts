import type { Memory } from './memory.ts'

const SMALLEST = 256
/** From here on it grows by a quarter only, so that it stays near what it holds. */
const LARGE = 1024 * 1024
const EMPTY = Buffer.alloc(0)

/**
 * Collects bytes that arrive in pieces. Copies them, so that a piece of a large
 * shared buffer does not keep all of it alive, and so that many tiny pieces
 * cost no more than their bytes.
 */
export class ByteBuffer {
  readonly #memory: Memory
  #bytes: Buffer = EMPTY
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
    const length = this.#length + piece.length
    if (length > this.#bytes.length) {
      const factor = this.#bytes.length < LARGE ? 2 : 1.25
      const room = Math.ceil(this.#bytes.length * factor)
      const larger = Buffer.allocUnsafeSlow(Math.max(SMALLEST, length, room))
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    piece.copy(this.#bytes, this.#length)
    this.#length = length
    return true
  }

  /** What was collected; the next piece begins anew. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length)
    this.clear()
    return taken
  }

  clear(): void {
    this.#memory.release(this.#length)
    this.#bytes = EMPTY
    this.#length = 0
  }
}
