import type { Readable } from 'node:stream'
import { Refusal } from '../../kernel/error.ts'
import type { Span } from './json-members.ts'
import { Packer } from './packer.ts'

/** As much as one call may hold. */
export const MAX_BYTES = 32 * 1024 * 1024
/** As much as all calls together may hold. */
const MAX_HELD = 256 * 1024 * 1024

let held = 0

/**
 * Reads a body to its end, where something about all of it has to be known
 * before any of it goes out, and shows it to `onPiece` in pieces. What was read
 * counts as held until the function is called that it resolves with. Rejects
 * with Refusal `request_too_large`, `overloaded`, or `request_malformed` for a
 * body that breaks off; the rest stays unread then.
 */
export function holdBody(
  body: Readable | undefined,
  onPiece: (piece: Buffer) => void,
): Promise<() => void> {
  const { promise, resolve, reject } = Promise.withResolvers<() => void>()
  const packer = new Packer(onPiece)
  let length = 0
  const release = (): void => {
    held -= length
    length = 0
  }
  const fail = (refusal: Refusal): void => {
    body?.off('data', onData)
    body?.pause()
    release()
    reject(refusal)
  }
  const onData = (piece: Buffer): void => {
    if (length + piece.length > MAX_BYTES) return fail(new Refusal('request_too_large'))
    if (held + piece.length > MAX_HELD)
      return fail(new Refusal('overloaded', 'too many bodies are held'))
    held += piece.length
    length += piece.length
    packer.push(piece)
  }
  const onBroken = (): void => {
    if (body?.readableEnded === false) {
      fail(new Refusal('request_malformed', 'the body broke off'))
    }
  }
  if (body === undefined) resolve(release)
  else {
    body.on('data', onData)
    body.once('end', () => {
      packer.flush()
      resolve(release)
    })
    body.once('error', onBroken)
    body.once('close', onBroken)
    body.resume()
    // Whoever left before this is not told of again.
    if (body.destroyed) onBroken()
  }
  return promise
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
