import type { Memory } from '../../kernel/memory.ts'
import { ByteBuffer } from './byte-buffer.ts'

/** One event of a stream of server-sent events. */
export interface SseEvent {
  /** The `event:` field; `undefined` when there was none. */
  readonly name: string | undefined
  /** The `data:` lines, joined with line breaks. */
  readonly data: string
}

interface SseOptions {
  readonly memory: Memory
  readonly onEvent: (event: SseEvent) => void
  /** An event that grows beyond this many bytes is skipped. */
  readonly maxEventBytes: number
  readonly onOversized: () => void
}

const LF = 10
const CR = 13
const COLON = 58
const SPACE = 32
const BOM = Buffer.from([0xef, 0xbb, 0xbf])
const NOTHING = Buffer.alloc(0)

/**
 * Server-sent events over bytes that come in any pieces
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream).
 * Lines end with LF, CR or CRLF. Unlike a browser, it hands out an event that
 * the end of the stream cut short of its blank line: it may hold the numbers.
 */
export class SseParser {
  readonly #options: SseOptions
  /** The beginning of a line whose end has not come yet. */
  readonly #pending: ByteBuffer
  #firstLine = true
  #afterCr = false
  #skipping = false
  /** While skipping: the line that is under way has bytes. */
  #skippedSome = false
  #name: string | undefined
  #data: string[] = []
  #dataBytes = 0

  constructor(options: SseOptions) {
    this.#options = options
    this.#pending = new ByteBuffer(options.memory)
  }

  push(bytes: Buffer): void {
    if (bytes.length === 0) return
    // The LF of a CRLF whose CR was the last byte of the piece before.
    let start = this.#afterCr && bytes[0] === LF ? 1 : 0
    this.#afterCr = false
    const next = bytes.includes(CR) ? nextEnd : nextLf
    for (let at = next(bytes, start); at >= 0; at = next(bytes, start)) {
      this.#line(bytes.subarray(start, at))
      const isCr = bytes[at] === CR
      start = at + (isCr && bytes[at + 1] === LF ? 2 : 1)
      this.#afterCr = isCr && at + 1 === bytes.length
    }
    if (start < bytes.length) this.#hold(bytes.subarray(start))
  }

  end(): void {
    if (this.#pending.length > 0) this.#line(NOTHING)
    this.#dispatch()
  }

  #hold(bytes: Buffer): void {
    if (this.#skipping) {
      this.#skippedSome = true
      return
    }
    const size = this.#pending.length + bytes.length + this.#dataBytes
    if (size <= this.#options.maxEventBytes && this.#pending.append(bytes)) return
    this.#skip()
    this.#skippedSome = true
  }

  /** Drops the event that is under way, up to its blank line. */
  #skip(): void {
    this.#skipping = true
    this.#skippedSome = false
    this.#pending.clear()
    this.#reset()
    this.#options.onOversized()
  }

  #line(end: Buffer): void {
    if (this.#skipping) {
      if (end.length === 0 && !this.#skippedSome) this.#skipping = false
      this.#skippedSome = false
      return
    }
    let line = end
    if (this.#pending.length > 0) {
      line = Buffer.concat([this.#pending.take(), end])
    }
    if (this.#firstLine && line.subarray(0, BOM.length).equals(BOM)) {
      line = line.subarray(BOM.length)
    }
    this.#firstLine = false
    if (line.length === 0) this.#dispatch()
    else this.#field(line)
  }

  #field(line: Buffer): void {
    const colon = line.indexOf(COLON)
    if (colon === 0) return
    const name = line.toString('latin1', 0, colon < 0 ? line.length : colon)
    if (name !== 'data' && name !== 'event') return
    this.#dataBytes += line.length
    if (this.#dataBytes > this.#options.maxEventBytes) {
      this.#skip()
      return
    }
    const from = colon < 0 ? line.length : colon + (line[colon + 1] === SPACE ? 2 : 1)
    const value = line.toString('utf8', from)
    if (name === 'data') this.#data.push(value)
    else this.#name = value === '' ? undefined : value
  }

  #dispatch(): void {
    const name = this.#name
    const data = this.#data
    this.#reset()
    if (data.length > 0) this.#options.onEvent({ name, data: data.join('\n') })
  }

  #reset(): void {
    this.#name = undefined
    this.#data = []
    this.#dataBytes = 0
  }
}

function nextLf(bytes: Buffer, from: number): number {
  return bytes.indexOf(LF, from)
}

function nextEnd(bytes: Buffer, from: number): number {
  for (let at = from; at < bytes.length; at += 1) {
    if (bytes[at] === LF || bytes[at] === CR) return at
  }
  return -1
}
