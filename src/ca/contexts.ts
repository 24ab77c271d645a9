import { createSecureContext, type SecureContext } from 'node:tls'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../kernel/clock.ts'
import { Refusal } from '../kernel/error.ts'
import type { Emit } from '../kernel/flow.ts'
import { SERVER_TLS } from '../kernel/server-tls.ts'
import type { Authority } from './authority.ts'
import { type Leaf, mintLeaf } from './leaf.ts'
import type { LeafKey } from './leaf-key.ts'

export interface LeafContextsOptions {
  readonly authority: Authority
  /** The only hosts that a leaf is ever minted for. */
  readonly hosts: readonly string[]
  readonly key: LeafKey
  readonly cacheSize: number
  readonly lifetimeMs: number
  readonly clock: Clock
  readonly emit: Emit
}

interface Entry {
  readonly leaf: Leaf
  /** From here on the next caller gets a new leaf. */
  readonly renewAt: number
}

interface CallerContext {
  readonly context: SecureContext
  readonly leaf: Leaf
}

const DAY_MS = 24 * 60 * 60 * 1000
/** 0.3 ms and 38 KiB each; beyond them sessions of callers who were long away do not resume. */
const MAX_CONTEXTS = 1024

/**
 * The TLS server contexts of intercepted hosts. Leaves are minted once per host
 * however many ask, kept while they are good, at most `cacheSize` of them.
 * Belongs to one snapshot of the configuration; a new CA means a new object.
 *
 * SECURITY: each caller has a context of its own for each host, and each context
 * its own ticket keys, so a session of one cannot be resumed by or at another.
 * Nor would it carry an identity: who is calling is decided by CONNECT.
 */
export class LeafContexts {
  readonly #options: LeafContextsOptions
  readonly #hosts: ReadonlySet<string>
  readonly #cache: LRUCache<string, Entry>
  readonly #contexts = new LRUCache<string, CallerContext>({ max: MAX_CONTEXTS })

  constructor(options: LeafContextsOptions) {
    this.#options = options
    this.#hosts = new Set(options.hosts)
    this.#cache = new LRUCache({
      max: options.cacheSize,
      fetchMethod: async host => await this.#mint(host),
    })
  }

  get size(): number {
    return this.#cache.size
  }

  /**
   * @param caller the id of the token whose sessions may be resumed.
   * @throws Refusal `ca_expired` outside the CA's dates, and RangeError for a
   * host that is not among the configured ones.
   */
  async get(host: string, caller: string): Promise<SecureContext> {
    const leaf = await this.#leafOf(host)
    const key = `${host} ${caller}`
    const known = this.#contexts.get(key)
    if (known?.leaf === leaf) return known.context
    const context = leafContext(leaf, this.#options.authority, this.#options.key)
    this.#contexts.set(key, { context, leaf })
    return context
  }

  async #leafOf(host: string): Promise<Leaf> {
    if (!this.#hosts.has(host)) throw new RangeError('no leaf for a host that is not intercepted')
    const now = this.#options.clock.now()
    this.#refuseOutsideDates(now)

    const cached = this.#cache.get(host)
    // A clock that was set back makes a leaf of the future.
    if (cached !== undefined && now < cached.renewAt && now >= cached.leaf.validFrom) {
      this.#options.emit({ type: 'leaf_cache_hit' })
      return cached.leaf
    }
    // Callers that come while the mint is under way share it.
    const entry = await this.#cache.forceFetch(host, { forceRefresh: true })
    return entry.leaf
  }

  #refuseOutsideDates(now: number): void {
    const { validFrom, expiresAt } = this.#options.authority
    if (now >= validFrom && now < expiresAt) return
    const range = `${new Date(validFrom).toISOString()} to ${new Date(expiresAt).toISOString()}`
    throw new Refusal('ca_expired', `the CA is valid from ${range}`)
  }

  async #mint(host: string): Promise<Entry> {
    const { authority, key, lifetimeMs, clock, emit } = this.#options
    const started = clock.monotonic()
    const leaf = await mintLeaf(authority, host, { key, lifetimeMs, now: clock.now() })
    const durationMs = clock.monotonic() - started
    emit({ type: 'leaf_minted', host, durationMs, expiresAt: leaf.expiresAt })
    return { leaf, renewAt: renewalTime(leaf, authority, lifetimeMs) }
  }
}

/**
 * One day before the end, or a seventh of the life when that is shorter. A leaf
 * that ends with the CA is kept to its end: a new one would end no later.
 */
function renewalTime(leaf: Leaf, authority: Authority, lifetimeMs: number): number {
  if (leaf.expiresAt >= authority.expiresAt) return leaf.expiresAt
  return leaf.expiresAt - Math.min(DAY_MS, lifetimeMs / 7)
}

function leafContext(leaf: Leaf, authority: Authority, key: LeafKey): SecureContext {
  return createSecureContext({
    cert: leaf.certificatePem + authority.chainPem,
    key: key.privateKeyPem,
    ...SERVER_TLS,
  })
}
