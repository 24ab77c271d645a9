import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import type { Caller } from '../kernel/flow.ts'
import type { Reason } from '../kernel/reasons.ts'

interface SessionLimits {
  readonly connections: number
  readonly connectionsPerCaller: number
}

/** The two ways in which the ground can go from under a session. */
export interface Session {
  /** The client has closed, or the daemon stops: nobody waits for an answer. */
  readonly gone: AbortSignal
  /** The daemon stops. A client that closed may still have words on their way. */
  readonly stop: AbortSignal
}

/** More than any client sends ahead on one connection. */
const MAX_PIPELINED = 32

/** How often open connections are held against their tokens. */
const REVOKED_CHECK_MS = 2000

/**
 * The open sessions: how many there are in all and per caller, and the means to
 * end them. Counts are keyed by token, so the map is bounded by the tokens.
 */
export class Sessions {
  readonly #limits: () => SessionLimits
  readonly #open = new Map<Socket, { readonly session: Session; readonly stop: AbortController }>()
  readonly #drain = new AbortController()
  readonly #perCaller = new Map<string, number>()
  readonly #admitted = new Map<Socket, Caller>()
  #sweep: NodeJS.Timeout | undefined
  readonly #unanswered = new WeakMap<Socket, number>()
  #idle: (() => void) | undefined

  constructor(limits: () => SessionLimits) {
    this.#limits = limits
  }

  /** Aborts when nobody is let in any more. */
  get draining(): AbortSignal {
    return this.#drain.signal
  }

  get size(): number {
    return this.#open.size
  }

  /** Registers a client's connection until it closes. */
  enter(client: Socket): Session | Reason {
    // A kept-alive connection that sends its next plain request.
    const known = this.#open.get(client)
    if (known !== undefined) return known.session
    if (this.draining.aborted) return 'draining'
    if (this.#open.size >= this.#limits().connections) return 'overloaded'
    const gone = new AbortController()
    const stop = new AbortController()
    const session = { gone: gone.signal, stop: stop.signal }
    this.#open.set(client, { session, stop })
    client.once('close', () => {
      this.#open.delete(client)
      gone.abort()
      if (this.#open.size === 0) this.#idle?.()
    })
    return session
  }

  /** Counts the connection for its caller until it closes. */
  admit(client: Socket, caller: Caller): Reason | undefined {
    // A client may leave while its token is looked up; its close is past then
    // and would never be counted.
    if (this.#admitted.has(client) || client.closed) return undefined
    const key = caller.identity.tokenId
    const count = this.#perCaller.get(key) ?? 0
    if (count >= this.#limits().connectionsPerCaller) return 'too_many_connections'
    this.#perCaller.set(key, count + 1)
    this.#admitted.set(client, caller)
    this.#sweep ??= setInterval(() => this.#endInvalid(), REVOKED_CHECK_MS).unref()
    client.once('close', () => {
      this.#admitted.delete(client)
      if (this.#admitted.size === 0) {
        clearInterval(this.#sweep)
        this.#sweep = undefined
      }
      const left = (this.#perCaller.get(key) ?? 1) - 1
      if (left === 0) this.#perCaller.delete(key)
      else this.#perCaller.set(key, left)
    })
    return undefined
  }

  /** Counts a request on its connection until its answer is over. */
  begin(client: Socket, answer: Writable): Reason | undefined {
    const before = this.#unanswered.get(client) ?? 0
    this.#unanswered.set(client, before + 1)
    answer.once('close', () => {
      this.#unanswered.set(client, (this.#unanswered.get(client) ?? 1) - 1)
    })
    return before < MAX_PIPELINED ? undefined : 'overloaded'
  }

  /** Whether answers are outstanding, into which no other bytes may be written. */
  isAnswering(client: Socket): boolean {
    return (this.#unanswered.get(client) ?? 0) > 0
  }

  /** Lets nobody in any more and waits for the sessions to end by themselves. */
  async drain(timeoutMs: number, signal: AbortSignal): Promise<void> {
    this.#drain.abort()
    if (this.#open.size === 0 || signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, timeoutMs)
    this.#idle = resolve
    signal.addEventListener('abort', () => resolve(), { once: true })
    await promise
    clearTimeout(timer)
  }

  /** Ends what a token that is no longer valid has opened. */
  #endInvalid(): void {
    for (const [client, caller] of this.#admitted) {
      if (caller.isValid()) continue
      this.#open.get(client)?.stop.abort()
      client.destroy()
    }
  }

  endAll(): void {
    for (const [client, open] of this.#open) {
      open.stop.abort()
      client.destroy()
    }
  }
}
