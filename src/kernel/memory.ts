import { Tally } from './tally.ts'

/** Where the bytes of a part come from. */
export interface Whole {
  take(bytes: number): boolean
  release(bytes: number): void
}

/** A budget of bytes: of its own, or a part of a larger one that is given back in one go. */
export class Memory implements Whole {
  readonly #limit: number
  readonly #whole: Whole | undefined
  #held = 0

  constructor(limit: number, whole?: Whole) {
    this.#limit = limit
    this.#whole = whole
  }

  get held(): number {
    return this.#held
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

/**
 * A budget of bytes for many holders. SECURITY: nobody may hold more than is
 * left free, so whoever comes next finds something: one holder alone gets a
 * half, two get a third each (the dynamic threshold of switches that share their
 * buffers, Choudhury and Hahne 1998). A fixed share would be too little for the
 * only caller or too much beside many.
 */
export class SharedMemory {
  readonly #limit: number
  #holders = new Tally()
  #held = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get held(): number {
    return this.#held
  }

  heldBy(holder: string): number {
    return this.#holders.of(holder)
  }

  /** False, and nothing taken, when the holder would have more than it leaves to the others. */
  take(holder: string, bytes: number): boolean {
    const held = this.#held + bytes
    if (this.heldBy(holder) + bytes > this.#limit - held) return false
    this.#held = held
    this.#holders.take(holder, bytes)
    return true
  }

  release(holder: string, bytes: number): void {
    this.#held -= bytes
    this.#holders.giveBack(holder, bytes)
  }

  releaseAll(): void {
    this.#held = 0
    this.#holders = new Tally()
  }

  /** What one holder has of it, as the whole of a part. */
  of(holder: string): Whole {
    return {
      take: bytes => this.take(holder, bytes),
      release: bytes => this.release(holder, bytes),
    }
  }
}
