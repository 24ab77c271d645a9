import { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import type { Caller } from '../kernel/flow.ts'
import type { Limits } from '../kernel/limits.ts'
import type { Reason } from '../kernel/reasons.ts'
import type { Strangers } from '../kernel/strangers.ts'
import { Tally } from '../kernel/tally.ts'
import { isShared } from '../relay/pipeline.ts'

export interface SessionsOptions {
  readonly limits: () => Pick<Limits, 'connections' | 'connectionsPerCaller' | 'tunnelsPerCaller'>
  /** Of the proxy's listeners. */
  readonly strangers: Pick<Strangers, 'arrive' | 'leave'>
  /** Whether memory is too short for one more beside those that are open. */
  readonly exhausted: (open: number) => boolean
}

/** The two ways in which the ground can go from under a session; the reasons are texts. */
export interface Session {
  /** The client has closed, or the daemon stops: nobody waits for an answer. */
  readonly gone: AbortSignal
  /** We end it. A client that closed may still have words on their way. */
  readonly stop: AbortSignal
}

/** What a session lives as long as: a connection, or one answer of a base-URL route. */
type Client = Pick<Writable, 'closed' | 'destroy' | 'once'>

/** How often open connections are held against their tokens. */
const REVOKED_CHECK_MS = 2000

/**
 * The open sessions: how many there are in all and per caller, and the means to
 * end them. Counts are keyed by token, so the map is bounded by the tokens.
 */
export class Sessions {
  readonly #options: SessionsOptions
  readonly #open = new Map<Client, { readonly session: Session; readonly stop: AbortController }>()
  readonly #drain = new AbortController()
  readonly #perCaller = new Tally()
  readonly #tunnels = new Tally()
  readonly #admitted = new Map<Client, Caller>()
  #sweep: NodeJS.Timeout | undefined
  #idle: (() => void) | undefined

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** Aborts when nobody is let in any more. */
  get draining(): AbortSignal {
    return this.#drain.signal
  }

  get size(): number {
    return this.#open.size
  }

  /** A connection was accepted. */
  arrive(client: Socket): void {
    this.#options.strangers.arrive(client)
  }

  /** Registers a connection that has sent a request, until it closes. */
  enter(client: Client): Session | Reason {
    // A kept-alive connection that sends its next plain request.
    const known = this.#open.get(client)
    if (known !== undefined) return known.session
    if (this.draining.aborted) return 'draining'
    const gone = new AbortController()
    const stop = new AbortController()
    const session = { gone: gone.signal, stop: stop.signal }
    this.#open.set(client, { session, stop })
    client.once('close', () => {
      this.#open.delete(client)
      // Without a reason of ours each end would cost an error and its stack.
      gone.abort('the client has closed')
      if (this.#open.size === 0) this.#idle?.()
    })
    return session
  }

  /**
   * Counts the connection for its caller until it closes. Only now: those who
   * have not said who they are must not use up the places of those who have.
   * SECURITY: a connection that several share goes by the last of them, or a
   * revoked token would live on behind a good one.
   */
  admit(client: Client, caller: Caller): Reason | undefined {
    // A client may leave while its token is looked up; its close is past then
    // and would never be counted.
    if (client.closed) return undefined
    const before = this.#admitted.get(client)
    const fault =
      before?.identity.tokenId === caller.identity.tokenId
        ? undefined
        : this.#takePlace(client, before, caller)
    if (fault === undefined) this.#admitted.set(client, caller)
    return fault
  }

  #takePlace(client: Client, before: Caller | undefined, caller: Caller): Reason | undefined {
    const key = caller.identity.tokenId
    const limits = this.#options.limits()
    if (this.#perCaller.of(key) >= limits.connectionsPerCaller) return 'too_many_connections'
    if (before !== undefined) {
      // An answer under way would be nobody's.
      if (client instanceof Socket && isShared(client)) return 'request_malformed'
      this.#perCaller.giveBack(before.identity.tokenId)
      this.#perCaller.take(key)
      return undefined
    }
    const open = this.#admitted.size
    if (open >= limits.connections || this.#options.exhausted(open)) return 'overloaded'
    if (client instanceof Socket) this.#options.strangers.leave(client)
    this.#perCaller.take(key)
    this.#sweep ??= setInterval(() => this.#endInvalid(), REVOKED_CHECK_MS).unref()
    client.once('close', () => this.#leave(client))
    return undefined
  }

  #leave(client: Client): void {
    const caller = this.#admitted.get(client)
    if (caller !== undefined) this.#perCaller.giveBack(caller.identity.tokenId)
    this.#admitted.delete(client)
    if (this.#admitted.size > 0) return
    clearInterval(this.#sweep)
    this.#sweep = undefined
  }

  /** Counts a tunnel of an admitted caller until its connection closes. */
  beginTunnel(client: Socket, { identity: { tokenId } }: Caller): Reason | undefined {
    if (this.#tunnels.of(tokenId) >= this.#options.limits().tunnelsPerCaller) {
      return 'too_many_tunnels'
    }
    if (client.closed) return undefined
    this.#tunnels.take(tokenId)
    client.once('close', () => this.#tunnels.giveBack(tokenId))
    return undefined
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
      this.#open.get(client)?.stop.abort('the token was revoked or has expired')
      client.destroy()
    }
  }

  endAll(): void {
    for (const [client, open] of this.#open) {
      open.stop.abort('the daemon stops')
      client.destroy()
    }
  }
}
