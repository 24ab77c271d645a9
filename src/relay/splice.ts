import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'

/** Why a splice ended: both sides closed, one broke, nothing moved, or we were told to stop. */
export type SpliceEnd = 'closed' | 'broken' | 'idle' | 'stopped'

interface SpliceOptions {
  /** No byte in either direction for this long ends it. */
  readonly idleMs: number
  readonly signal?: AbortSignal
}

/** What `splice` needs of a side; every TCP and TLS socket has it. */
interface Side extends Duplex {
  setTimeout?(ms: number): unknown
  resetAndDestroy?(): unknown
}

/**
 * Joins two connections byte for byte. An end on one side is passed on as an
 * end (half-close, RFC 9112 9.6 leaves that to us), a break as a break: a peer
 * must be able to tell a cut stream from a finished one.
 */
export function splice(left: Side, right: Side, options: SpliceOptions): Promise<SpliceEnd> {
  return new Promise(resolve => {
    let ended: SpliceEnd = 'closed'
    let open = 2

    const stop = (why: SpliceEnd): void => {
      if (ended === 'closed') ended = why
      for (const side of [left, right]) {
        if (!side.destroyed) breakOff(side)
      }
    }
    const onAbort = (): void => stop('stopped')
    const silentAt = new Map<Side, number>()
    // A side that waits for the other to take what it sent is silent as well:
    // there the other's own timer decides, which sees whether it takes any.
    const onIdle = (side: Side, other: Side) => (): void => {
      const now = performance.now()
      const waits = other.setTimeout !== undefined && other.writableLength > 0
      const bothSilent = now - (silentAt.get(other) ?? -Infinity) <= options.idleMs
      if (!waits || bothSilent) return stop('idle')
      silentAt.set(side, now)
      side.setTimeout?.(options.idleMs)
    }
    const onError = (): void => stop('broken')

    const closed = (side: Side, other: Side) => (): void => {
      side.off('error', onError)
      // A close before both directions came to their end is a break, whatever
      // caused it: a side that is not half-open finishes by its own end alone.
      const finished = side.readableEnded && side.writableFinished && other.readableEnded
      if (!finished && !other.destroyed) stop('broken')
      open -= 1
      if (open > 0) return
      options.signal?.removeEventListener('abort', onAbort)
      resolve(ended)
    }

    for (const [side, other] of [
      [left, right],
      [right, left],
    ] as const) {
      side.on('error', onError)
      // Every byte that moves is read from one side and written to the other,
      // so either socket's own timer sees it.
      side.setTimeout?.(options.idleMs)
      side.on('timeout', onIdle(side, other))
      if (side.destroyed) setImmediate(closed(side, other))
      else side.once('close', closed(side, other))
    }
    if (options.signal?.aborted === true) stop('stopped')
    else options.signal?.addEventListener('abort', onAbort, { once: true })

    left.pipe(right)
    right.pipe(left)
  })
}

/** How long what was already written may take to leave before a break cuts it off. */
const FLUSH_MS = 1000

/**
 * Ends a connection so that its peer sees a break and not an end. Only where we
 * have not ended it already: libuv refuses to reset a socket whose shutdown is
 * under way, and Node then leaves the file descriptor open for good. A TLS
 * socket has the method and throws in it; its close without close_notify is
 * break enough (RFC 8446 6.1).
 */
function breakOff(side: Side): void {
  // Late errors of a socket that is being destroyed have nobody to go to.
  side.on('error', () => {})
  if (side.resetAndDestroy === undefined || side instanceof TLSSocket || side.writableEnded) {
    side.destroy()
    return
  }
  side.resetAndDestroy()
  const timer = setTimeout(() => side.destroy(), FLUSH_MS)
  side.once('close', () => clearTimeout(timer))
}
