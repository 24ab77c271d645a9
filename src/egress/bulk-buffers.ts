/** What one read may take of a connection in bulk: 8 times what a stream's read takes. */
const BUFFER_BYTES = 512 * 1024
/** All tunnels together; who finds nothing left reads as streams do. */
const MAX_LENT = 64
/** Kept for the next one. More would be memory that a short rush leaves behind. */
const MAX_SPARE = 8

/**
 * Large read buffers, lent to connections while they carry bulk. They come back
 * only when nothing reads into them and no write holds them any more.
 */
export class BulkBuffers {
  readonly #spare: Buffer[] = []
  #lent = 0

  get lent(): number {
    return this.#lent
  }

  lend(): Buffer | undefined {
    if (this.#lent === MAX_LENT) return undefined
    this.#lent += 1
    return this.#spare.pop() ?? Buffer.alloc(BUFFER_BYTES)
  }

  giveBack(buffer: Buffer): void {
    this.#lent -= 1
    if (this.#spare.length < MAX_SPARE) this.#spare.push(buffer)
  }

  /** A write may still hold it: it is not used again, and freed with that write. */
  giveUp(): void {
    this.#lent -= 1
  }
}
