import type { Memory } from '../../kernel/memory.ts'
import { ByteBuffer } from './byte-buffer.ts'
import { decodeBody } from './decode-body.ts'
import type { Codings } from './protocol.ts'

/** A body that is collected whole, within the limits, and decoded at its end. */
export class Body {
  readonly #bytes: ByteBuffer
  readonly #codings: Codings
  readonly #maxBytes: number
  #readable: boolean

  constructor(memory: Memory, codings: Codings, maxBytes: number) {
    this.#bytes = new ByteBuffer(memory)
    this.#codings = codings
    this.#maxBytes = maxBytes
    this.#readable = codings !== undefined
  }

  /** False once it cannot be read, whatever is still to come. */
  get readable(): boolean {
    return this.#readable
  }

  append(piece: Buffer): void {
    if (!this.#readable) return
    const fits = this.#bytes.length + piece.length <= this.#maxBytes
    if (!fits || !this.#bytes.append(piece)) this.giveUp()
  }

  giveUp(): void {
    this.#readable = false
    this.#bytes.clear()
  }

  /** The decoded bytes, once; `undefined` when they could not be kept or decoded. */
  take(): Buffer | undefined {
    if (!this.#readable || this.#codings === undefined) return undefined
    this.#readable = false
    try {
      return decodeBody(this.#bytes.take(), this.#codings, this.#maxBytes)
    } catch {
      return undefined
    }
  }
}
