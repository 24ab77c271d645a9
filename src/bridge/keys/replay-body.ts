import { Readable } from 'node:stream'
import type { Body } from '../../kernel/flow.ts'
import type { RawHeaders } from '../../kernel/headers.ts'
import { Memory, SharedMemory, type Whole } from '../../kernel/memory.ts'
import { Packer } from '../body/packer.ts'

/** Of one call; a longer request stays with the key that it began with. */
const CALL_BYTES = 8 * 1024 * 1024
/** One caller alone gets a half. */
const PROCESS_BYTES = 128 * 1024 * 1024

/** What all requests of a bridge that may still have to be sent again hold together. */
export function replayMemory(): SharedMemory {
  return new SharedMemory(PROCESS_BYTES)
}

/**
 * A request body that can be sent more than once. What has passed is held until
 * the call is settled with one key; each attempt gets what is held and then the
 * rest as it comes in, under its own backpressure.
 */
export class ReplayBody implements Disposable {
  readonly #source: Body
  readonly #memory: Memory
  readonly #held: Buffer[] = []
  readonly #packer = new Packer(piece => {
    if (this.#isHolding) this.#held.push(piece)
  })
  readonly #fits: boolean
  #isHolding = true
  #current: Attempt | undefined
  #begun = false

  /**
   * `length`: the body's, where its head says so. SECURITY: nothing is reserved
   * for it, or bytes that are only announced would leave no room for others.
   */
  constructor(
    source: Body,
    { length, whole }: { readonly length: number | undefined; readonly whole: Whole },
  ) {
    this.#source = source
    this.#memory = new Memory(CALL_BYTES, whole)
    this.#fits = length !== undefined && this.#memory.take(length)
    this.#memory.releaseAll()
    if (length !== undefined && !this.#fits) this.settle()
  }

  /** Whether all of it can be sent again, unless others take the room that there is now. */
  get isLikely(): boolean {
    return this.#isHolding && this.#fits
  }

  /** Whether another attempt can be made. */
  get canReplay(): boolean {
    return this.#isHolding
  }

  /** The body of the next attempt; the one before gets nothing more. */
  open(): Body {
    this.#current?.destroy()
    const attempt = new Attempt(this.#source)
    this.#current = attempt
    this.#packer.flush()
    for (const chunk of this.#held) attempt.push(chunk)
    if (this.#source.readableEnded) attempt.push(null)
    else if (this.#source.destroyed) attempt.destroy()
    else this.#begin()
    return attempt
  }

  /** No further attempt: what is held is given back, the rest passes on. */
  settle(): void {
    this.#isHolding = false
    this.#held.length = 0
    this.#memory.releaseAll()
  }

  /** Nobody wants the rest: whoever owns the source has it for itself again. */
  [Symbol.dispose](): void {
    this.settle()
    this.#current = undefined
    this.#source.off('data', this.#onData)
  }

  #begin(): void {
    if (this.#begun) return
    this.#begun = true
    // Paused first: a listener alone must not start the flow.
    this.#source.pause()
    this.#source.on('data', this.#onData)
    this.#source.once('end', () => this.#current?.push(null))
    this.#source.once('close', () => {
      if (!this.#source.readableEnded) this.#current?.destroy()
    })
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isHolding) {
      if (this.#memory.take(chunk.length)) this.#packer.push(chunk)
      else this.settle()
    }
    if (this.#current?.push(chunk) === false) this.#source.pause()
  }
}

class Attempt extends Readable {
  readonly #source: Body

  constructor(source: Body) {
    super()
    this.#source = source
  }

  get rawTrailers(): RawHeaders {
    return this.#source.rawTrailers ?? []
  }

  override _read(): void {
    if (!this.#source.readableEnded) this.#source.resume()
  }
}
