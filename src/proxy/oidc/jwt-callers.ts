import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { OidcSettings } from '../../config/settings.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Holder } from '../../kernel/flow.ts'
import { type FetchKeys, KeySet } from './key-set.ts'
import { isOfIssuer, type Vouched, verifyJwt } from './verify.ts'

/** What is forgotten is verified again. */
const MAX_TOKENS = 10_000

/** The callers of one issuer. What was verified is remembered by the token's hash. */
export class JwtCallers {
  readonly #settings: OidcSettings
  readonly #keys: KeySet
  readonly #clock: Clock
  readonly #vouched = new LRUCache<string, Vouched>({ max: MAX_TOKENS })

  constructor(settings: OidcSettings, fetchKeys: FetchKeys, clock: Clock) {
    this.#settings = settings
    this.#keys = new KeySet(fetchKeys, clock)
    this.#clock = clock
  }

  /** Whether this is for them to judge; nobody else is asked about it then. */
  claims(token: string): boolean {
    return isOfIssuer(token, this.#settings)
  }

  /** @throws Refusal `auth_invalid` or `auth_unavailable` */
  async authenticate(token: string): Promise<Holder> {
    const key = hash('sha256', token, 'base64url')
    const known = this.#vouched.get(key)
    if (known !== undefined && this.#counts(known)) return this.#holder(known)
    const vouched = await verifyJwt(token, this.#settings, {
      keys: this.#keys,
      clock: this.#clock,
    })
    this.#vouched.set(key, vouched)
    return this.#holder(vouched)
  }

  #holder(vouched: Vouched): Holder {
    return { identity: vouched.identity, isValid: () => this.#counts(vouched) }
  }

  #counts({ until, keyId }: Vouched): boolean {
    return until > this.#clock.now() && this.#keys.has(keyId)
  }
}
