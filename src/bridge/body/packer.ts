/** A smaller piece is cheaper to copy than to keep apart. */
const SMALL_BYTES = 4096
const BLOCK_BYTES = 16 * 1024

/**
 * Joins small pieces of a body that is to be held. SECURITY: a piece costs some
 * hundred bytes beside its own, and keeps alive what it was read from; of a body
 * in chunks of one byte the memory would be a hundred times what is counted.
 */
export class Packer {
  readonly #emit: (piece: Buffer) => void
  #block: Buffer | undefined
  #used = 0

  constructor(emit: (piece: Buffer) => void) {
    this.#emit = emit
  }

  push(piece: Buffer): void {
    if (piece.length >= SMALL_BYTES) {
      this.flush()
      this.#emit(piece)
      return
    }
    if (this.#used + piece.length > BLOCK_BYTES) this.flush()
    // SECURITY: zeroed, since what goes out is cut from it.
    this.#block ??= Buffer.alloc(BLOCK_BYTES)
    this.#used += piece.copy(this.#block, this.#used)
  }

  /** Emits what is left, as after the last piece. */
  flush(): void {
    if (this.#block === undefined || this.#used === 0) return
    this.#emit(Buffer.from(this.#block.subarray(0, this.#used)))
    this.#used = 0
  }
}
