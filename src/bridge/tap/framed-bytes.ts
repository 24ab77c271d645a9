import type { Memory } from '../../kernel/memory.ts'
import { ByteBuffer } from './byte-buffer.ts'

/** What begins with the bytes at hand; `size` counts from there. */
export type Look<Frame> =
  | { readonly kind: 'whole'; readonly size: number; readonly frame: Frame }
  /** Not known, or not whole, before there are so many. */
  | { readonly kind: 'more'; readonly size: number }
  | { readonly kind: 'too_large'; readonly size: number }
  /** There is no way to find the beginning of the next. */
  | { readonly kind: 'broken' }

interface Options<Frame> {
  readonly memory: Memory
  readonly look: (bytes: Buffer) => Look<Frame>
  readonly onFrame: (frame: Frame) => void
  /** One is left out, or nothing more can be read. */
  readonly onLost: () => void
}

/**
 * Cuts bytes that come in any pieces into frames that say how long they are.
 * The pieces are ours: a frame may be changed where it lies.
 */
export class FramedBytes<Frame> {
  readonly #options: Options<Frame>
  readonly #pending: ByteBuffer
  #need = 0
  #skip = 0
  #broken = false

  constructor(options: Options<Frame>) {
    this.#options = options
    this.#pending = new ByteBuffer(options.memory)
  }

  push(bytes: Buffer): void {
    let rest = bytes
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, rest.length)
      this.#skip -= skipped
      rest = rest.subarray(skipped)
    }
    if (rest.length === 0 || this.#broken) return
    if (this.#pending.length === 0) return this.#cut(rest)
    if (!this.#pending.append(rest)) return this.#break()
    if (this.#pending.length >= this.#need) this.#cut(this.#pending.take())
  }

  clear(): void {
    this.#pending.clear()
  }

  #cut(bytes: Buffer): void {
    const { look, onFrame, onLost } = this.#options
    let rest = bytes
    while (rest.length > 0) {
      const found = look(rest)
      if (found.kind === 'broken') return this.#break()
      if (found.kind === 'more') return this.#keep(rest, found.size)
      if (found.kind === 'whole') onFrame(found.frame)
      else {
        onLost()
        this.#skip = Math.max(0, found.size - rest.length)
      }
      rest = rest.subarray(Math.min(found.size, rest.length))
    }
    this.#need = 0
  }

  #keep(rest: Buffer, need: number): void {
    this.#need = need
    if (!this.#pending.append(rest)) this.#break()
  }

  #break(): void {
    this.#broken = true
    this.#pending.clear()
    this.#options.onLost()
  }
}
