import type { Memory } from '../../kernel/memory.ts'
import { ByteBuffer } from './byte-buffer.ts'

interface Options {
  readonly memory: Memory
  readonly onText: (text: string) => void
  readonly maxEventBytes: number
  readonly onOversized: () => void
}

const QUOTE = 34
const BACKSLASH = 92
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

/**
 * The objects of a JSON array, or a lone object, one by one as they become
 * complete: Google streams an array. Only outer braces and strings are told
 * apart; whether an object is JSON is for its reader to say.
 */
export class JsonArrayParser {
  readonly #options: Options
  readonly #pending: ByteBuffer
  #depth = 0
  #inString = false
  #escaped = false
  #skipping = false

  constructor(options: Options) {
    this.#options = options
    this.#pending = new ByteBuffer(options.memory)
  }

  push(bytes: Buffer): void {
    let start = this.#depth > 0 ? 0 : -1
    for (let at = 0; at < bytes.length; at += 1) {
      const change = this.#step(bytes[at])
      if (change > 0 && this.#depth === 0) start = at
      this.#depth += change
      if (change < 0 && this.#depth === 0) {
        this.#hold(bytes.subarray(start, at + 1))
        this.#emit()
        start = -1
      }
    }
    if (start >= 0) this.#hold(bytes.subarray(start))
  }

  end(): void {
    this.#pending.clear()
  }

  /** What a byte does to the depth of braces. */
  #step(byte: number | undefined): -1 | 0 | 1 {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false
      else if (byte === BACKSLASH) this.#escaped = true
      else if (byte === QUOTE) this.#inString = false
      return 0
    }
    if (byte === QUOTE && this.#depth > 0) this.#inString = true
    if (byte === OPEN_BRACE) return 1
    return byte === CLOSE_BRACE && this.#depth > 0 ? -1 : 0
  }

  #hold(bytes: Buffer): void {
    if (this.#skipping) return
    const size = this.#pending.length + bytes.length
    if (size <= this.#options.maxEventBytes && this.#pending.append(bytes)) return
    this.#skipping = true
    this.#pending.clear()
    this.#options.onOversized()
  }

  #emit(): void {
    if (!this.#skipping) this.#options.onText(this.#pending.take().toString('utf8'))
    this.#skipping = false
  }
}
