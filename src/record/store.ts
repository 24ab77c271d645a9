import type { PostgresServer } from '../config/types/postgres-url.ts'
import type { Clock } from '../kernel/clock.ts'
import { systemClock } from '../kernel/clock.ts'
import type { Holder, Identity } from '../kernel/flow.ts'
import type { Secret } from '../kernel/secret.ts'
import { threadProgram } from '../kernel/thread.ts'
import { isTokenShaped } from '../kernel/token.ts'
import { type PostgresStoreData, serverData } from './postgres/server-data.ts'
import { StoreLink } from './store-link.ts'
import type { SqliteStoreData } from './store-protocol.ts'
import type { ActiveToken } from './tokens.ts'
import { hashToken } from './tokens.ts'

const POLL_MS = 250
const TIMEOUT_MS = 2000

/** Tokens not confirmed for this long are confirmed before they are believed. */
const STALE_MS = 750

/** A thread that was not heard of for this long hangs. */
const UNHEARD_MS = 5000
const WATCH_MS = 1000

/** A caller that no database knows: `run` makes one for its child. */
export interface ExtraToken {
  readonly token: Secret
  readonly identity: Identity
}

export interface StoreOptions {
  /** Where SQLite keeps the tokens, unless a server does. */
  readonly stateDir: string
  readonly postgres?: PostgresServer | undefined
  readonly extraTokens?: readonly ExtraToken[]
  /** The tokens cannot be looked up any more (with the cause), or can again (undefined). */
  readonly onState?: (problem: string | undefined) => void
  /** Called when the database's thread died, with what is known of the cause. */
  readonly onDeath?: (problem: string, restarted: boolean) => void
  readonly clock?: Clock
  /** How often to see whether it still answers. */
  readonly watchMs?: number
  /** How often changes by other processes are looked for. */
  readonly pollMs?: number
  /** How long the thread may take to answer before it counts as down. */
  readonly timeoutMs?: number
  /** Another program for the thread. */
  readonly worker?: URL
}

/**
 * The callers' tokens, held in memory and kept current by the thread that owns
 * the database. A token created by another process works at once, a revoked
 * one stops working within a second.
 */
export class Store implements AsyncDisposable {
  readonly deploymentId: string
  readonly #link: StoreLink
  readonly #tokens: TokenTable
  readonly #extra: ReadonlyMap<string, Identity>
  readonly #clock: Clock
  readonly #watch: NodeJS.Timeout

  private constructor(link: StoreLink, tokens: TokenTable, opened: Opened) {
    this.#link = link
    this.#tokens = tokens
    this.deploymentId = opened.deploymentId
    this.#clock = opened.clock
    this.#extra = opened.extra
    this.#watch = this.#watchState(opened.options)
  }

  /** @throws ConfigurationError when the database cannot be used. */
  static async open(options: StoreOptions): Promise<Store> {
    const clock = options.clock ?? systemClock
    const tokens: TokenTable = { byHash: new Map() }
    const link = new StoreLink({
      ...threadOf(options),
      clock,
      timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
      onTokens: list => {
        tokens.byHash = new Map(list.map(token => [token.hash, token]))
      },
      onDeath: options.onDeath ?? (() => undefined),
    })
    const extra = new Map(
      options.extraTokens?.map(({ token, identity }) => [hashToken(token.reveal()), identity]),
    )
    return new Store(link, tokens, { deploymentId: await link.opened(), clock, extra, options })
  }

  /** False when callers cannot be told apart any more, for readiness. */
  get available(): boolean {
    return this.#link.available && this.#link.age <= UNHEARD_MS
  }

  /**
   * Who a token belongs to; undefined when it is unknown, revoked or expired.
   * @throws Refusal `auth_unavailable` when that cannot be told.
   */
  async authenticate(token: string): Promise<Holder | undefined> {
    // No hashing and no questions for what cannot be a token, however long.
    if (!isTokenShaped(token)) return undefined
    const hash = hashToken(token)
    const extra = this.#extra.get(hash)
    if (extra !== undefined) return { identity: extra, isValid: () => true }

    if (this.#link.age > STALE_MS || this.#active(hash) === undefined) await this.#link.refresh()
    const identity = this.#active(hash)
    return identity && { identity, isValid: () => this.#active(hash) !== undefined }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#watch)
    await this.#link[Symbol.asyncDispose]()
  }

  /** Where nobody calls for hours, nothing else would say that a server is gone. */
  #watchState({ onState = () => undefined, watchMs = WATCH_MS }: StoreOptions): NodeJS.Timeout {
    let wasAvailable = true
    return setInterval(() => {
      const { available } = this
      if (available !== wasAvailable) onState(available ? undefined : this.#link.problem)
      wasAvailable = available
    }, watchMs).unref()
  }

  #active(hash: string): Identity | undefined {
    const token = this.#tokens.byHash.get(hash)
    const expired = token?.expiresAt !== undefined && token.expiresAt <= this.#clock.now()
    return expired ? undefined : token?.identity
  }
}

function threadOf(options: StoreOptions): { readonly worker: URL; readonly data: unknown } {
  const { stateDir, postgres, pollMs = POLL_MS } = options
  if (postgres !== undefined) {
    const data: PostgresStoreData = { server: serverData(postgres), pollMs }
    return { worker: threadProgram('postgres/store-worker', import.meta.url), data }
  }
  const data: SqliteStoreData = { stateDir, pollMs }
  return { worker: options.worker ?? threadProgram('store-worker', import.meta.url), data }
}

interface TokenTable {
  byHash: ReadonlyMap<string, ActiveToken>
}

interface Opened {
  readonly deploymentId: string
  readonly clock: Clock
  readonly extra: ReadonlyMap<string, Identity>
  readonly options: StoreOptions
}
