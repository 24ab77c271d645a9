import { crc32 } from 'node:zlib'
import type { Memory } from '../../kernel/memory.ts'
import { ByteBuffer } from './byte-buffer.ts'

/** One message of `application/vnd.amazon.eventstream`. */
export interface EventStreamMessage {
  /** String headers by name (`:message-type`, `:event-type`, `:exception-type`). */
  readonly headers: ReadonlyMap<string, string>
  readonly payload: Buffer
}

interface Options {
  readonly memory: Memory
  readonly onMessage: (message: EventStreamMessage) => void
  readonly maxMessageBytes: number
  /** A message was damaged or too large and is left out. */
  readonly onSkipped: () => void
}

const PRELUDE = 12
/** Prelude, no headers, no payload, checksum. */
const SMALLEST = 16

/** Lengths of the values of the header types that have a fixed one. */
const FIXED: readonly (number | undefined)[] = [0, 0, 1, 2, 4, 8, undefined, undefined, 8, 16]
const BYTES_TYPE = 6
const STRING_TYPE = 7

/**
 * Amazon's event stream framing: total length, headers length, checksum of
 * both, headers, payload, checksum of all; big-endian, CRC-32
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html).
 */
export class EventStreamParser {
  readonly #options: Options
  readonly #pending: ByteBuffer
  #need = PRELUDE
  #skip = 0
  #broken = false

  constructor(options: Options) {
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
    if (this.#broken || rest.length === 0) return
    if (!this.#pending.append(rest)) return this.#break()
    if (this.#pending.length >= this.#need) this.#take()
  }

  end(): void {
    this.#pending.clear()
  }

  /** Reads the messages that are complete; a rest waits until there is enough. */
  #take(): void {
    const all = this.#pending.take()
    let at = 0
    while (all.length - at >= PRELUDE && !this.#broken) {
      const total = this.#checkPrelude(all.subarray(at, at + PRELUDE))
      if (total === undefined) break
      if (total > this.#options.maxMessageBytes) {
        this.#options.onSkipped()
        this.#skip = Math.max(0, total - (all.length - at))
        at = Math.min(all.length, at + total)
        continue
      }
      if (all.length - at < total) {
        this.#keep(all.subarray(at), total)
        return
      }
      this.#message(all.subarray(at, at + total))
      at += total
    }
    if (!this.#broken) this.#keep(all.subarray(at), PRELUDE)
  }

  #keep(rest: Buffer, need: number): void {
    this.#need = need
    if (rest.length > 0 && !this.#pending.append(rest)) this.#break()
  }

  /** The length of a message; a wrong one makes the rest of the stream unreadable. */
  #checkPrelude(prelude: Buffer): number | undefined {
    const total = prelude.readUInt32BE(0)
    const headers = prelude.readUInt32BE(4)
    const sound = crc32(prelude.subarray(0, 8)) === prelude.readUInt32BE(8)
    if (sound && total >= SMALLEST && headers <= total - SMALLEST) return total
    this.#break()
    return undefined
  }

  /** There is no way to find the beginning of the next message. */
  #break(): void {
    this.#broken = true
    this.#pending.clear()
    this.#options.onSkipped()
  }

  #message(bytes: Buffer): void {
    const end = bytes.length - 4
    const headersEnd = PRELUDE + bytes.readUInt32BE(4)
    const headers = parseHeaders(bytes.subarray(PRELUDE, headersEnd))
    if (headers === undefined || crc32(bytes.subarray(0, end)) !== bytes.readUInt32BE(end)) {
      this.#options.onSkipped()
      return
    }
    this.#options.onMessage({ headers, payload: bytes.subarray(headersEnd, end) })
  }
}

function parseHeaders(bytes: Buffer): Map<string, string> | undefined {
  const headers = new Map<string, string>()
  let at = 0
  while (at < bytes.length) {
    const nameEnd = at + 1 + (bytes[at] ?? 0)
    if (nameEnd >= bytes.length) return undefined
    const type = bytes[nameEnd] ?? 0
    let valueAt = nameEnd + 1
    let length = FIXED[type]
    if (type === BYTES_TYPE || type === STRING_TYPE) {
      if (valueAt + 2 > bytes.length) return undefined
      length = bytes.readUInt16BE(valueAt)
      valueAt += 2
    }
    if (length === undefined || valueAt + length > bytes.length) return undefined
    const name = bytes.toString('utf8', at + 1, nameEnd)
    if (type === STRING_TYPE) headers.set(name, bytes.toString('utf8', valueAt, valueAt + length))
    at = valueAt + length
  }
  return headers
}
