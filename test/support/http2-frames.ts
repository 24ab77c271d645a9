import type { Duplex } from 'node:stream'
import { readBytes } from './raw-client.ts'

/** The pseudo headers of a request. */
export function requestFields(
  method: string,
  path: string,
): (readonly [name: string, value: string])[] {
  return [
    [':method', method],
    [':scheme', 'https'],
    [':authority', 'api.anthropic.com'],
    [':path', path],
  ]
}

/** RFC 9113 3.4. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

export const FLAG = { ack: 1, endStream: 1, endHeaders: 4 } as const

/** RFC 9113 7. */
export const CODES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
] as const

/** One frame, right or wrong (RFC 9113 4.1). */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Fields as literals without indexing or Huffman (RFC 7541 6.2.2): any bytes will do. */
export function fields(pairs: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(
    pairs.flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]),
  )
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  const length: number[] = []
  if (bytes.length < 127) length.push(bytes.length)
  else {
    length.push(127)
    let rest = bytes.length - 127
    for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128)
    length.push(rest)
  }
  return Buffer.concat([Buffer.from(length), bytes])
}

/** HEADERS of a request in one frame. */
export function headers(
  stream: number,
  pairs: readonly (readonly [name: string, value: string])[],
  flags: number = FLAG.endHeaders | FLAG.endStream,
): Buffer {
  return frame(TYPE.headers, flags, stream, fields(pairs))
}

export interface ReceivedFrame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

/** The next frame; rejects when the connection ends first. */
export async function readFrame(socket: Duplex): Promise<ReceivedFrame> {
  const head = await readBytes(socket, 9)
  const payload = await readBytes(socket, head.readUIntBE(0, 3))
  return { type: head[3] ?? 0, flags: head[4] ?? 0, stream: head.readUInt32BE(5), payload }
}

/** How the peer complains: `reset CODE`, `goaway CODE`, or `closed` without a word. */
export async function readComplaint(socket: Duplex): Promise<string> {
  for (;;) {
    const received = await readFrame(socket).catch(() => undefined)
    if (received === undefined) return 'closed'
    const { type, payload } = received
    if (type === TYPE.reset) return `reset ${CODES[payload.readUInt32BE(0)]}`
    if (type === TYPE.goaway) return `goaway ${CODES[payload.readUInt32BE(4)]}`
  }
}
