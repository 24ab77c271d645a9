import { Readable } from 'node:stream'
import type { Span } from './json-members.ts'

/** A body that was held in pieces, as it goes out. */
export function bodyOf(pieces: readonly Buffer[]): Readable {
  return Readable.from(pieces, { objectMode: false })
}

const PIECE_BYTES = 64 * 1024

/** A body that goes out piece by piece: one large write would hold up everybody else's. */
export function inPieces(bytes: Buffer): Readable {
  function* pieces(): Generator<Buffer> {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      yield bytes.subarray(at, at + PIECE_BYTES)
    }
  }
  return Readable.from(pieces(), { objectMode: false })
}

/** A part of what is held in pieces, copied into one. */
export function cutOut(pieces: readonly Buffer[], span: Span): Buffer {
  return Buffer.concat(partsOf(pieces, span))
}

/** A part of what is held in pieces, as pieces of the same memory. */
export function partsOf(pieces: readonly Buffer[], { start, end }: Span): Buffer[] {
  const parts: Buffer[] = []
  let at = 0
  for (const piece of pieces) {
    const from = Math.max(0, start - at)
    const to = Math.min(piece.length, end - at)
    if (from < to) parts.push(piece.subarray(from, to))
    at += piece.length
  }
  return parts
}
