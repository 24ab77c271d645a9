/** A budget of bytes: of all observations of a process, or the part that one of them holds. */
export class Memory {
  readonly #limit: number
  readonly #whole: Memory | undefined
  #held = 0

  constructor(limit: number, whole?: Memory) {
    this.#limit = limit
    this.#whole = whole
  }

  get held(): number {
    return this.#held
  }

  /** What is taken from a part is taken from the whole as well. */
  part(): Memory {
    return new Memory(this.#limit, this)
  }

  /** False, and nothing taken, when there is not enough left. */
  take(bytes: number): boolean {
    if (this.#held + bytes > this.#limit || this.#whole?.take(bytes) === false) return false
    this.#held += bytes
    return true
  }

  release(bytes: number): void {
    this.#held -= bytes
    this.#whole?.release(bytes)
  }

  releaseAll(): void {
    this.release(this.#held)
  }
}
