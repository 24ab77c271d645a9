import { crc32 } from 'node:zlib'
import type { Memory } from '../../kernel/memory.ts'
import { FramedBytes, type Look } from './framed-bytes.ts'

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
  readonly #frames: FramedBytes<EventStreamMessage | undefined>

  constructor({ memory, maxMessageBytes, onMessage, onSkipped }: Options) {
    this.#frames = new FramedBytes({
      memory,
      look: bytes => look(bytes, maxMessageBytes),
      onFrame: message => {
        if (message === undefined) onSkipped()
        else onMessage(message)
      },
      onLost: onSkipped,
    })
  }

  push(bytes: Buffer): void {
    this.#frames.push(bytes)
  }

  end(): void {
    this.#frames.clear()
  }
}

/** A wrong length makes the rest of the stream unreadable. */
function look(bytes: Buffer, maxBytes: number): Look<EventStreamMessage | undefined> {
  if (bytes.length < PRELUDE) return { kind: 'more', size: PRELUDE }
  const size = bytes.readUInt32BE(0)
  const headers = bytes.readUInt32BE(4)
  const sound = crc32(bytes.subarray(0, 8)) === bytes.readUInt32BE(8)
  if (!sound || size < SMALLEST || headers > size - SMALLEST) return { kind: 'broken' }
  if (size > maxBytes) return { kind: 'too_large', size }
  if (bytes.length < size) return { kind: 'more', size }
  return { kind: 'whole', size, frame: parseMessage(bytes.subarray(0, size)) }
}

/** Undefined for one that is damaged. */
function parseMessage(bytes: Buffer): EventStreamMessage | undefined {
  const end = bytes.length - 4
  const headersEnd = PRELUDE + bytes.readUInt32BE(4)
  const headers = parseHeaders(bytes.subarray(PRELUDE, headersEnd))
  const isDamaged = crc32(bytes.subarray(0, end)) !== bytes.readUInt32BE(end)
  if (headers === undefined || isDamaged) return undefined
  return { headers, payload: bytes.subarray(headersEnd, end) }
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
