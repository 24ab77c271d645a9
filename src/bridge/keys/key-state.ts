import type { Judgement } from '../judge.ts'

/**
 * What is known of one central key; times in milliseconds of a monotonic clock.
 * A key that is out is tried again by one call after `probeAt`, less and less
 * often: the operator may have mended it at the provider.
 */
export type KeyState =
  | { readonly kind: 'ready' }
  | { readonly kind: 'cooling'; readonly until: number }
  | {
      readonly kind: 'out'
      /** 403 may be about one model or path, so such a key stays a last resort. */
      readonly judgement: 'unauthorised' | 'forbidden'
      readonly probeAt: number
      readonly backoffMs: number
      readonly probing: boolean
    }

export const READY: KeyState = { kind: 'ready' }

const FIRST_BACKOFF_MS = 60_000
const LONGEST_BACKOFF_MS = 3_600_000

/** What an answer makes of the key that got it. */
export function judged(
  state: KeyState,
  judgement: Judgement,
  { now, retryAfterMs }: { readonly now: number; readonly retryAfterMs: number },
): KeyState {
  if (judgement === 'rate_limited') return { kind: 'cooling', until: now + retryAfterMs }
  if (judgement === 'success') return state.kind === 'out' ? READY : state
  if (judgement !== 'unauthorised' && judgement !== 'forbidden') return state
  // Calls that were under way together say the same thing only once.
  if (state.kind === 'out' && !state.probing) return { ...state, judgement }
  const doubled = state.kind === 'out' ? state.backoffMs * 2 : FIRST_BACKOFF_MS
  const backoffMs = Math.min(doubled, LONGEST_BACKOFF_MS)
  return { kind: 'out', judgement, probeAt: now + backoffMs, backoffMs, probing: false }
}

/** A call is about to use the key; one that is out is not probed by others meanwhile. */
export function claimed(state: KeyState, now: number): KeyState {
  if (state.kind !== 'out') return state
  return { ...state, probeAt: now + state.backoffMs, probing: true }
}

/**
 * A call has left that was using it. SECURITY: the next one probes it, or whoever
 * leaves in time could keep a key out that works again.
 */
export function released(state: KeyState, now: number): KeyState {
  return state.kind === 'out' && state.probing ? { ...state, probeAt: now, probing: false } : state
}

/**
 * The keys for one call, as indices, in the order in which they are to be tried:
 * a key that is due for a probe, if another can take over; those that are ready,
 * as configured; those that got 403. Where none is ready the one whose time
 * comes first is asked all the same, so that its caller hears from the provider.
 */
export function orderOf(states: readonly KeyState[], now: number, mayProbe: boolean): number[] {
  const ready = indices(states, state => isReady(state, now))
  const due = (state: KeyState): boolean => state.kind === 'out' && state.probeAt <= now
  const first =
    ready.length > 0 ? (mayProbe ? indices(states, due)[0] : undefined) : soonest(states)
  const forbidden = indices(
    states,
    state => state.kind === 'out' && state.judgement === 'forbidden',
  )
  const order = [...(first === undefined ? [] : [first]), ...ready, ...forbidden]
  return [...new Set(order)]
}

/** Whether a key may be used; one that cools is ready again when its time is over. */
export function isReady(state: KeyState, now: number): boolean {
  return state.kind === 'ready' || (state.kind === 'cooling' && state.until <= now)
}

/** A key that is only cooling comes before one that is out. */
function soonest(states: readonly KeyState[]): number | undefined {
  const rank = (state: KeyState | undefined): readonly [number, number] => {
    if (state?.kind === 'cooling') return [0, state.until]
    return state?.kind === 'out' ? [1, state.probeAt] : [0, 0]
  }
  const sorted = [...states.keys()].toSorted((a, b) => {
    const [kindA, timeA] = rank(states[a])
    const [kindB, timeB] = rank(states[b])
    return kindA - kindB || timeA - timeB
  })
  return sorted[0]
}

function indices(states: readonly KeyState[], holds: (state: KeyState) => boolean): number[] {
  return [...states.entries()].flatMap(([index, state]) => (holds(state) ? [index] : []))
}
