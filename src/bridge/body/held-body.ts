import type { Readable } from 'node:stream'
import { Refusal } from '../../kernel/error.ts'
import { Memory, type SharedMemory } from '../../kernel/memory.ts'
import { Packer } from './packer.ts'

/** As much as one call may hold. */
export const MAX_BYTES = 32 * 1024 * 1024

interface Terms {
  /** Of all bodies that are held. */
  readonly memory: SharedMemory
  /** Whose share of it is used. */
  readonly user: string
  /** A body that is silent for so long is waited for no longer. */
  readonly idleMs: number
}

/**
 * Reads a body to its end, where something about all of it has to be known
 * before any of it goes out, and shows it to `onPiece` in pieces. What was read
 * counts as held until the function is called that it resolves with. Rejects
 * with Refusal `request_too_large`, `too_many_uploads`, `overloaded`,
 * `body_timeout`, or `request_malformed` for a body that breaks off; the rest
 * stays unread then, and nothing is held.
 */
export type Hold = (
  body: Readable | undefined,
  onPiece: (piece: Buffer) => void,
) => Promise<() => void>

/** Holds bodies of one caller. */
export function holdFor(terms: Terms): Hold {
  return async (body, onPiece) => {
    const { user, memory } = terms
    const taken = new Memory(MAX_BYTES, memory.of(user))
    try {
      if (body !== undefined) await readInto(body, { ...terms, taken, onPiece })
    } catch (error) {
      taken.releaseAll()
      throw error
    }
    return () => taken.releaseAll()
  }
}

interface Reading extends Terms {
  readonly taken: Memory
  readonly onPiece: (piece: Buffer) => void
}

function readInto(body: Readable, reading: Reading): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const packer = new Packer(reading.onPiece)
  const stop = (): void => {
    clearTimeout(timer)
    body.off('data', onData).off('end', onEnd).off('close', onBroken)
  }
  const fail = (refusal: Refusal): void => {
    stop()
    body.pause()
    reject(refusal)
  }
  const onData = (piece: Buffer): void => {
    timer.refresh()
    if (reading.taken.take(piece.length)) packer.push(piece)
    else fail(noRoom(reading, piece.length))
  }
  const onEnd = (): void => {
    stop()
    packer.flush()
    resolve()
  }
  const onBroken = (): void => fail(new Refusal('request_malformed', 'the body broke off'))
  const timer = setTimeout(() => fail(new Refusal('body_timeout')), reading.idleMs)
  timer.unref()
  // The close that follows tells as much, and a later error is nobody's.
  body.on('error', () => {})
  body.on('data', onData).once('end', onEnd).once('close', onBroken)
  body.resume()
  // Whoever left before this is not told of again.
  if (body.destroyed) onBroken()
  return promise
}

/** Why the next piece cannot be held: its call, its caller or the others have too much. */
function noRoom({ taken, memory, user }: Reading, bytes: number): Refusal {
  if (taken.held + bytes > MAX_BYTES) return new Refusal('request_too_large')
  const isTheirs = memory.heldBy(user) > taken.held
  if (isTheirs) return new Refusal('too_many_uploads')
  return new Refusal('overloaded', 'too many bodies are held')
}
