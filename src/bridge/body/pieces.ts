import { Readable } from 'node:stream'

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
