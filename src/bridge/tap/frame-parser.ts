import type { Memory } from '../../kernel/memory.ts'
import { FramedBytes, type Look } from './framed-bytes.ts'

/** One frame of a WebSocket, unmasked (RFC 6455 5.2). */
export interface Frame {
  readonly fin: boolean
  /** RSV1 to RSV3 as 4, 2, 1; RSV1 says that the message is compressed (RFC 7692). */
  readonly reserved: number
  readonly opcode: number
  readonly payload: Buffer
}

interface Options {
  readonly memory: Memory
  readonly onFrame: (frame: Frame) => void
  /** A frame beyond this many bytes is passed over. */
  readonly maxFrameBytes: number
  readonly onOversized: () => void
}

interface Head {
  readonly first: number
  readonly length: number
  readonly mask: Buffer | undefined
  readonly size: number
}

/** Reads the frames of one direction out of bytes that come in any pieces. */
export class FrameParser {
  readonly #frames: FramedBytes<Frame>

  constructor({ memory, maxFrameBytes, onFrame, onOversized }: Options) {
    this.#frames = new FramedBytes({
      memory,
      look: bytes => look(bytes, maxFrameBytes),
      onFrame,
      onLost: onOversized,
    })
  }

  push(bytes: Buffer): void {
    this.#frames.push(bytes)
  }
}

function look(bytes: Buffer, maxBytes: number): Look<Frame> {
  const head = readHead(bytes)
  if (typeof head === 'number') return { kind: 'more', size: head }
  const size = head.size + head.length
  if (head.length > maxBytes) return { kind: 'too_large', size }
  if (bytes.length < size) return { kind: 'more', size }
  return { kind: 'whole', size, frame: toFrame(head, bytes.subarray(head.size, size)) }
}

function toFrame({ first, mask }: Head, payload: Buffer): Frame {
  if (mask !== undefined) unmask(payload, mask)
  return {
    fin: (first & 0x80) !== 0,
    reserved: (first >> 4) & 7,
    opcode: first & 0x0f,
    payload,
  }
}

/** The head of a frame, or how many bytes it takes to know it. */
function readHead(bytes: Buffer): Head | number {
  const [first, second] = bytes
  if (first === undefined || second === undefined) return 2
  const short = second & 0x7f
  const lengthSize = short === 126 ? 2 : short === 127 ? 8 : 0
  const masked = (second & 0x80) !== 0
  const size = 2 + lengthSize + (masked ? 4 : 0)
  if (bytes.length < size) return size
  const length =
    lengthSize === 8
      ? bytes.readUInt32BE(2) * 2 ** 32 + bytes.readUInt32BE(6)
      : lengthSize === 2
        ? bytes.readUInt16BE(2)
        : short
  return { first, length, mask: masked ? bytes.subarray(size - 4, size) : undefined, size }
}

/** In place: the bytes are our own. */
function unmask(payload: Buffer, mask: Buffer): void {
  const key = [mask[0] ?? 0, mask[1] ?? 0, mask[2] ?? 0, mask[3] ?? 0]
  for (let i = 0; i < payload.length; i += 1) {
    payload[i] = (payload[i] ?? 0) ^ (key[i & 3] ?? 0)
  }
}
