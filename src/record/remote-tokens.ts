import { LRUCache } from 'lru-cache'
import type { Clock } from '../kernel/clock.ts'
import { Refusal } from '../kernel/error.ts'
import type { Holder, Identity } from '../kernel/flow.ts'
import { createTurns } from '../kernel/turns.ts'
import { hashToken } from './tokens.ts'

/** How long the deployment's word on a token counts. */
const KNOWN_MS = 60_000
const REFUSED_MS = 5_000
/** For so long after that an open connection outlives a deployment that cannot be asked. */
const GRACE_MS = 60_000

/** Above what the connection limit allows at once, so that no open connection is forgotten. */
const MAX_TOKENS = 10_000
const ASK_TIMEOUT_MS = 5_000
/** Questions at once, and those of them that may be about unknown tokens, or about known ones. */
const TURNS = { total: 16, each: 8 }
/** New tokens that may be waiting; a flood of them is answered with 503 and costs no more. */
const MAX_WAITING = 256

/** Coder's tokens have 33 characters and ours 48; both are printable and without blanks. */
const TOKEN = /^[\x21-\x7e]{16,256}$/

/**
 * The user whom the deployment knows a token by; undefined for none. Rejects
 * when it cannot say.
 */
export type AskDeployment = (token: string, question: Question) => Promise<string | undefined>

interface Question {
  readonly signal: AbortSignal
  /** The Via values of whoever asks us. */
  readonly via: readonly string[]
}

interface Known {
  readonly identity: Identity
  readonly askedAt: number
}

/**
 * Tokens of a deployment's users, checked by asking it and remembered by their
 * hash. Each token is asked about once at a time. Known tokens have turns and
 * memory of their own, so that a flood of invented ones cannot push them out.
 */
export class RemoteTokens {
  readonly #ask: AskDeployment
  readonly #clock: Clock
  readonly #known = new LRUCache<string, Known>({ max: MAX_TOKENS })
  readonly #refused = new LRUCache<string, number>({ max: MAX_TOKENS })
  readonly #asking = new Map<string, Promise<Identity | undefined>>()
  readonly #turns = createTurns(TURNS.total, TURNS.each)
  #unknownWaiting = 0

  constructor(ask: AskDeployment, clock: Clock) {
    this.#ask = ask
    this.#clock = clock
  }

  /**
   * Who a token belongs to; undefined when the deployment does not know it.
   * @throws Refusal `auth_unavailable` when it cannot be asked
   */
  async authenticate(token: string, via: readonly string[] = []): Promise<Holder | undefined> {
    if (!TOKEN.test(token)) return undefined
    const hash = hashToken(token)
    const identity = await this.#identityOf(hash, token, via)
    return identity && { identity, isValid: () => this.#isActive(hash, token) }
  }

  async #identityOf(
    hash: string,
    token: string,
    via: readonly string[],
  ): Promise<Identity | undefined> {
    const known = this.#known.get(hash)
    if (known !== undefined && this.#ageOf(known.askedAt) < KNOWN_MS) return known.identity
    const refusedAt = this.#refused.get(hash)
    if (refusedAt !== undefined && this.#ageOf(refusedAt) < REFUSED_MS) return undefined
    return await this.#askOnce(hash, token, via)
  }

  /** From memory, at once; what is old is asked about in the background. */
  #isActive(hash: string, token: string): boolean {
    const known = this.#known.get(hash)
    if (known === undefined) return false
    const age = this.#ageOf(known.askedAt)
    // Unanswered, it ends with the grace.
    if (age >= KNOWN_MS) this.#askOnce(hash, token, []).catch(() => undefined)
    return age < KNOWN_MS + GRACE_MS
  }

  #askOnce(hash: string, token: string, via: readonly string[]): Promise<Identity | undefined> {
    const asking = this.#asking.get(hash)
    if (asking !== undefined) return asking
    const answer = this.#askInTurn(hash, token, via).finally(() => this.#asking.delete(hash))
    this.#asking.set(hash, answer)
    return answer
  }

  async #askInTurn(
    hash: string,
    token: string,
    via: readonly string[],
  ): Promise<Identity | undefined> {
    const isKnown = this.#known.has(hash)
    if (!isKnown && this.#unknownWaiting >= MAX_WAITING) {
      throw new Refusal('auth_unavailable', 'too many unknown tokens wait for the deployment')
    }
    const signal = AbortSignal.timeout(ASK_TIMEOUT_MS)
    this.#unknownWaiting += isKnown ? 0 : 1
    try {
      const user = await this.#turns(isKnown ? 'known' : 'unknown', async () => {
        signal.throwIfAborted()
        return await this.#ask(token, { signal, via })
      })
      return this.#remember(hash, user)
    } catch (error) {
      throw new Refusal('auth_unavailable', 'the deployment cannot be asked', { cause: error })
    } finally {
      this.#unknownWaiting -= isKnown ? 0 : 1
    }
  }

  #remember(hash: string, user: string | undefined): Identity | undefined {
    const askedAt = this.#clock.monotonic()
    if (user === undefined) {
      this.#known.delete(hash)
      this.#refused.set(hash, askedAt)
      return undefined
    }
    // The id by which logs tell tokens apart; no part of the token itself.
    const tokenId = `remote-${hash.slice(0, 12)}`
    // SECURITY: whoever administrates the deployment does not administrate this daemon.
    const identity: Identity = { user, tokenId, admin: false, recordsElsewhere: true }
    this.#known.set(hash, { identity, askedAt })
    this.#refused.delete(hash)
    return identity
  }

  #ageOf(at: number): number {
    return this.#clock.monotonic() - at
  }
}
