import type { LookupAddress } from 'node:dns'
import { type Address, parseAddress } from '../kernel/address.ts'
import { describeError, errorCode, Refusal } from '../kernel/error.ts'
import { type Host, isLocalhostName } from '../kernel/target.ts'
import { createTurns } from '../kernel/turns.ts'
import { settleWithin, toError } from './deadline.ts'
import { type Lookup, lookup as systemLookup } from './system-lookup.ts'

/**
 * One lookup of a name: every address, in the resolver's order, at least one.
 * `asker` is the caller whose share of the resolver it uses. Rejects with a
 * Refusal (`dns_not_found`, `dns_failed`, `dns_timeout`), or with the signal's
 * reason.
 */
export type Resolve = (
  name: string,
  signal: AbortSignal,
  asker?: string,
) => Promise<readonly Address[]>

export interface ResolverOptions {
  readonly timeoutMs: number
  readonly lookup?: Lookup
  /**
   * Lookups at one time; 24 unless given. Each holds a thread until the system
   * gives up, and Node lends lookups half of its pool. Whoever has a resolver of
   * its own for operators' names keeps slots that clients cannot use up.
   */
  readonly maxConcurrent?: number
}

/** Of one asker, whose names may all hang: the system takes seconds to give up. */
const MAX_CONCURRENT_PER_ASKER = 8

/** Names waited for, asked or queued; a client can choose any number of them. */
const MAX_PENDING = 2048
/** As many as it may have connections, unless an option says otherwise: they wait their turn. */
const MAX_PENDING_PER_ASKER = 256

interface Pending {
  readonly answer: Promise<readonly Address[]>
  waiters: number
}

/** The system says "no such name" in these words (RFC 3493 6.1, and c-ares). */
const NOT_FOUND = new Set(['ENOTFOUND', 'ENODATA', 'EAI_NONAME', 'EAI_NODATA'])

/**
 * An asker that asks again for a name under way shares the answer; another one
 * does not, or it would wait behind the first one's queue.
 */
export function createResolver(options: ResolverOptions): Resolve {
  const { timeoutMs, lookup = systemLookup, maxConcurrent = 24 } = options
  const pending = new Map<string, Map<string, Pending>>()
  // Beyond two whole shares: whoever has several tokens could hang all the slots.
  const forOthers = Math.max(0, maxConcurrent - 2 * MAX_CONCURRENT_PER_ASKER)
  const inTurn = createTurns(maxConcurrent, MAX_CONCURRENT_PER_ASKER, forOthers)
  let size = 0

  const enter = (asker: string, name: string): Pending => {
    const mine = pending.get(asker) ?? new Map<string, Pending>()
    const known = mine.get(name)
    if (known !== undefined) return known
    // A few cannot keep the others out: the first name of each is always taken.
    const isFull = mine.size >= MAX_PENDING_PER_ASKER || (size >= MAX_PENDING && mine.size > 0)
    if (isFull) {
      throw new Refusal('dns_failed', `${mine.size} lookups of this caller, ${size} of all pending`)
    }
    const leave = (): void => {
      size -= 1
      mine.delete(name)
      if (mine.size === 0) pending.delete(asker)
    }
    const answer = inTurn(asker, async () => {
      // They have all gone while it stood in the queue.
      if (entry.waiters === 0) throw new Refusal('dns_timeout', name)
      return await askOnce(name, lookup)
    }).finally(leave)
    const entry: Pending = { answer, waiters: 0 }
    size += 1
    pending.set(asker, mine.set(name, entry))
    return entry
  }

  return (name, signal, asker = '') =>
    settleWithin(
      { timeoutMs, signal },
      () => new Refusal('dns_timeout', `${name}: no answer within ${timeoutMs} ms`),
      (fulfil, reject) => {
        const entry = enter(asker, name)
        entry.waiters += 1
        entry.answer.then(fulfil, (error: unknown) => reject(toError(error)))
        // getaddrinfo cannot be cancelled; only the waiting can.
        return () => {
          entry.waiters -= 1
        }
      },
    )
}

/**
 * The addresses of a host: an address is itself, localhost names are loopback
 * without asking (RFC 6761 6.3: a resolver could say otherwise), other names
 * are looked up once.
 */
export async function addressesOf(
  host: Host,
  resolve: Resolve,
  signal: AbortSignal,
  asker?: string,
): Promise<readonly Address[]> {
  if (host.kind === 'address') return [host.address]
  return isLocalhostName(host.name) ? LOOPBACK : await resolve(host.name, signal, asker)
}

const LOOPBACK: readonly Address[] = ['127.0.0.1', '::1'].flatMap(text => parseAddress(text) ?? [])

async function askOnce(name: string, lookup: Lookup): Promise<readonly Address[]> {
  let answers: readonly LookupAddress[]
  try {
    answers = await lookup(name)
  } catch (error) {
    throw new Refusal(
      NOT_FOUND.has(errorCode(error) ?? '') ? 'dns_not_found' : 'dns_failed',
      describeError(error),
      {
        cause: error,
      },
    )
  }
  if (answers.length === 0) throw new Refusal('dns_not_found', `${name} has no address`)
  return answers.map(answer => {
    const address = parseAddress(answer.address)
    // SECURITY: an answer that is not understood (a zone, say) is never skipped:
    // the judge must see all of it or nothing.
    if (address === undefined) throw new Refusal('dns_failed', `unreadable answer for ${name}`)
    return address
  })
}
