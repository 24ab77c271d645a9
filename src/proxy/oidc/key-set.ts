import type { JSONWebKeySet } from 'jose'
import type { LocalJWKSet } from 'jose/jwks/local'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/error.ts'

/** Asks the issuer for its key set (RFC 7517 5); rejects when there is none to be had. */
export type FetchKeys = (signal: AbortSignal) => Promise<JSONWebKeySet>

/** Keys are asked for anew after this, so that one which was withdrawn goes. */
const FRESH_MS = 10 * 60_000
/** For so long the last ones count while the issuer cannot be asked. */
const KEPT_MS = 60 * 60_000
/** Between two questions, whatever keys tokens name: invented ones are no lever. */
const COOLDOWN_MS = 30_000
const RETRY_MS = 5000
const TIMEOUT_MS = 5000

interface Keys {
  readonly ids: ReadonlySet<string>
  readonly resolve: LocalJWKSet
  readonly at: number
}

/** An issuer's public keys, asked for once at a time and no more than needed. */
export class KeySet {
  readonly #request: FetchKeys
  readonly #clock: Pick<Clock, 'monotonic'>
  #keys: Keys | undefined
  #asking: Promise<void> | undefined
  #askedAt = Number.NEGATIVE_INFINITY
  /** Why the last question had no answer. */
  #failure: unknown

  constructor(fetch: FetchKeys, clock: Pick<Clock, 'monotonic'>) {
    this.#request = fetch
    this.#clock = clock
  }

  /**
   * The keys, if one of them has this id.
   * @throws Refusal `auth_unavailable` when that cannot be told
   */
  async with(id: string): Promise<LocalJWKSet | undefined> {
    if (!this.has(id)) await this.#refresh()
    if (this.has(id)) return this.#keys?.resolve
    if (this.#failure === undefined) return undefined
    throw new Refusal('auth_unavailable', 'the OIDC issuer cannot be asked', {
      cause: this.#failure,
    })
  }

  /** Whether a key of this id counts now; from memory. What is old is asked for in the background. */
  has(id: string): boolean {
    const age = this.#clock.monotonic() - (this.#keys?.at ?? Number.NEGATIVE_INFINITY)
    if (age > KEPT_MS) return false
    if (age > FRESH_MS) void this.#refresh()
    return this.#keys?.ids.has(id) === true
  }

  /** Never rejects. */
  async #refresh(): Promise<void> {
    const pause = this.#failure === undefined ? COOLDOWN_MS : RETRY_MS
    const isEarly = this.#clock.monotonic() - this.#askedAt < pause
    if (this.#asking === undefined && isEarly) return
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    await this.#asking
  }

  async #ask(): Promise<void> {
    this.#askedAt = this.#clock.monotonic()
    try {
      const { createLocalJWKSet } = await import('jose/jwks/local')
      const set = await this.#request(AbortSignal.timeout(TIMEOUT_MS))
      const resolve = createLocalJWKSet(set)
      const ids = new Set(set.keys.flatMap(({ kid }) => kid ?? []))
      this.#keys = { ids, resolve, at: this.#askedAt }
      this.#failure = undefined
    } catch (error) {
      this.#failure = error
    }
  }
}
