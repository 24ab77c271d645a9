import type { Clock } from '../../kernel/clock.ts'
import type { KeyStateName } from '../../kernel/event.ts'
import type { Emit } from '../../kernel/flow.ts'
import type { RawHeaders } from '../../kernel/headers.ts'
import type { Secret } from '../../kernel/secret.ts'
import { keyHint } from '../credentials.ts'
import type { Judgement } from '../judge.ts'
import { claimed, isReady, judged, type KeyState, orderOf, READY, released } from './key-state.ts'
import { retryAfterMs } from './retry-after.ts'

interface KeyPoolDeps {
  readonly provider: string
  readonly keys: readonly Secret[]
  readonly clock: Clock
  readonly emit: Emit
}

interface Entry {
  readonly key: Secret
  state: KeyState
}

/**
 * The central keys of one provider. A reload makes a new pool, in which every
 * key is ready again.
 */
export class KeyPool {
  readonly #deps: KeyPoolDeps
  readonly #entries: readonly Entry[]

  constructor(deps: KeyPoolDeps) {
    this.#deps = deps
    this.#entries = deps.keys.map(key => ({ key, state: READY }))
  }

  get size(): number {
    return this.#entries.length
  }

  /** The keys for one call, in the order in which they are to be tried. */
  order(mayProbe: boolean): readonly Secret[] {
    const states = this.#entries.map(({ state }) => state)
    return orderOf(states, this.#now, mayProbe).flatMap(index => this.#entries[index]?.key ?? [])
  }

  /** A call is about to use this key. */
  claim(key: Secret): void {
    const entry = this.#find(key)
    if (entry !== undefined) entry.state = claimed(entry.state, this.#now)
  }

  /** A call that used this key has left without an answer. */
  release(key: Secret): void {
    const entry = this.#find(key)
    if (entry !== undefined) entry.state = released(entry.state, this.#now)
  }

  /** What the answer to a call with this key says of it. */
  report(key: Secret, judgement: Judgement, headers: RawHeaders): void {
    const entry = this.#find(key)
    if (entry === undefined) return
    const { provider, clock, emit } = this.#deps
    const from = this.#nameOf(entry.state)
    const waitMs = retryAfterMs(headers, clock.now())
    entry.state = judged(entry.state, judgement, { now: this.#now, retryAfterMs: waitMs })
    const to = this.#nameOf(entry.state)
    if (from !== to) emit({ type: 'key_changed', provider, credentialHint: keyHint(key), from, to })
  }

  /** For metrics: how many keys are in each state. */
  counts(): Readonly<Record<KeyStateName, number>> {
    const counts = { ready: 0, cooling: 0, out: 0 }
    for (const { state } of this.#entries) counts[this.#nameOf(state)] += 1
    return counts
  }

  #nameOf(state: KeyState): KeyStateName {
    return isReady(state, this.#now) ? 'ready' : state.kind
  }

  #find(key: Secret): Entry | undefined {
    return this.#entries.find(entry => entry.key === key)
  }

  get #now(): number {
    return this.#deps.clock.monotonic()
  }
}
