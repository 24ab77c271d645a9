import { createHash } from 'node:crypto'
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib'

const MIB = 1 << 20
const MOST = 8 * MIB
/** Around frames, windows and buffers of all protocols involved. */
const EDGES = [0, 1, 125, 126, 16_383, 16_384, 16_385, 65_535, 65_536, 262_145, MOST]
const CODINGS = ['identity', 'gzip', 'br', 'zstd'] as const
const PROTOCOLS = ['http/1.1', 'h2', 'websocket'] as const

/** One body as it is to pass: pieces as they are written, empty ones included. */
export interface PlannedBody {
  readonly coding: (typeof CODINGS)[number]
  readonly pieces: readonly Buffer[]
  readonly bytes: number
  readonly sha256: string
  /** The length is announced; chunked otherwise. */
  readonly hasLength: boolean
}

/** One stream in both directions. The same number and seed always give the same one. */
export interface PlannedStream {
  readonly protocol: (typeof PROTOCOLS)[number]
  readonly up: PlannedBody
  readonly down: PlannedBody
  /** WebSocket: permessage-deflate is offered. */
  readonly deflate: boolean
}

export function planStream(seed: number, index: number): PlannedStream {
  const random = generator(seed * 1_000_003 + index)
  const protocol = PROTOCOLS[index % PROTOCOLS.length] ?? 'h2'
  const edge = EDGES[Math.floor(index / PROTOCOLS.length)]
  return {
    protocol,
    up: planBody(random, edge ?? randomSize(random)),
    down: planBody(random, edge ?? randomSize(random)),
    deflate: random() < 0.5,
  }
}

export function sha256(pieces: readonly Buffer[]): string {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  return hash.digest('hex')
}

/** mulberry32: small, fast, and the same everywhere. */
export function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Most are small, one in ten may have any size up to 8 MiB. */
function randomSize(random: () => number): number {
  const most = random() < 0.1 ? MOST : 256 * 1024
  return Math.floor(most ** random())
}

function planBody(random: () => number, size: number): PlannedBody {
  const coding = CODINGS[Math.floor(random() * CODINGS.length)] ?? 'identity'
  const body = encode(randomBytes(random, size), coding)
  const pieces = cut(body, random)
  const hasLength = random() < 0.5
  return { coding, pieces, bytes: body.length, sha256: sha256([body]), hasLength }
}

/** Runs of a letter between random bytes: they compress, but not to nothing. */
function randomBytes(random: () => number, size: number): Buffer {
  const body = Buffer.alloc(size, 97 + Math.floor(random() * 26))
  for (let at = 0; at < size; at += 1 + Math.floor(random() * 64)) body[at] = random() * 256
  return body
}

function encode(body: Buffer, coding: PlannedBody['coding']): Buffer {
  switch (coding) {
    case 'identity':
      return body
    case 'gzip':
      return gzipSync(body, { level: 1 })
    case 'br':
      return brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })
    case 'zstd':
      return zstdCompressSync(body)
  }
}

function cut(body: Buffer, random: () => number): Buffer[] {
  const cuts = Array.from({ length: Math.floor(random() * 12) }, () =>
    Math.floor(random() * (body.length + 1)),
  )
  const edges = [0, ...cuts.toSorted((a, b) => a - b), body.length]
  return edges.slice(1).map((end, i) => body.subarray(edges[i], end))
}
