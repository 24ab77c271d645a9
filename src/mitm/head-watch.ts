import { inRounds } from '../kernel/rounds.ts'

interface Watched {
  /** Bytes read from the client so far. */
  bytesRead(): number
  /** A request is being read or answered. */
  busy(): boolean
  /** Bytes have come of which nobody knows what they are; they are no head if false. */
  mayBeHead?(): boolean
}

interface HeadLimits {
  readonly headMs: number
  readonly idleMs: number
}

/** Sees heads that come too slowly, and connections that nobody uses. */
export interface HeadWatch extends Disposable {
  /** All bytes so far belong to requests that are over. */
  settle(): void
}

const MAX_INTERVAL_MS = 1000

/**
 * Node times heads for servers that listen, and counts from the connection's
 * first moment. Agents open connections before they have something to ask, so
 * here the time runs from the first bytes of a head. `onSlow` and `onIdle` are
 * called once, and the watch is over then.
 */
export function watchHeads(
  watched: Watched,
  limits: HeadLimits,
  on: {
    readonly slow: () => void
    readonly idle: () => void
    /** Bytes have come that may be the beginning of a head. */
    readonly begun?: () => void
  },
): HeadWatch {
  let settled = watched.bytesRead()
  let since = performance.now()
  let inHead = false

  const settle = (): void => {
    settled = watched.bytesRead()
    since = performance.now()
    inHead = false
  }
  const check = (): void => {
    if (watched.busy()) {
      settle()
      return
    }
    if (!inHead && watched.bytesRead() > settled) {
      inHead = true
      since = performance.now()
      on.begun?.()
    }
    const isHead = inHead && watched.mayBeHead?.() !== false
    if (performance.now() - since < (isHead ? limits.headMs : limits.idleMs)) return
    rounds[Symbol.dispose]()
    if (isHead) on.slow()
    else on.idle()
  }
  const rounds = inRounds(Math.min(MAX_INTERVAL_MS, limits.headMs / 2), check)
  return { settle, [Symbol.dispose]: () => rounds[Symbol.dispose]() }
}
