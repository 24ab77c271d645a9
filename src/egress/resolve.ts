import { lookup as dnsLookup, type LookupAddress } from 'node:dns'
import { type Address, parseAddress } from '../kernel/address.ts'
import { describeError, Refusal } from '../kernel/error.ts'
import { type Host, isLocalhostName } from '../kernel/target.ts'
import { settleWithin, toError } from './deadline.ts'

/**
 * One lookup of a name: every address, in the resolver's order, at least one.
 * Rejects with a Refusal (`dns_not_found`, `dns_failed`, `dns_timeout`), or
 * with the signal's reason.
 */
export type Resolve = (name: string, signal: AbortSignal) => Promise<readonly Address[]>

/** The lookup underneath: getaddrinfo, so that hosts files and resolv.conf count. */
export type Lookup = (name: string) => Promise<readonly LookupAddress[]>

export interface ResolverOptions {
  readonly timeoutMs: number
  readonly lookup?: Lookup
}

/**
 * Names that are being asked for at this moment. A name that hangs holds one
 * thread however many ask for it, and names nobody answers cannot pile up.
 */
const MAX_PENDING = 1024

/** The system says "no such name" in these words (RFC 3493 6.1, and c-ares). */
const NOT_FOUND = new Set(['ENOTFOUND', 'ENODATA', 'EAI_NONAME', 'EAI_NODATA'])

export function createResolver(options: ResolverOptions): Resolve {
  const lookup = options.lookup ?? systemLookup
  const pending = new Map<string, Promise<readonly Address[]>>()

  const ask = (name: string): Promise<readonly Address[]> => {
    const running = pending.get(name)
    if (running !== undefined) return running
    if (pending.size >= MAX_PENDING) {
      return Promise.reject(new Refusal('dns_failed', `${MAX_PENDING} lookups are pending`))
    }
    const answer = askOnce(name, lookup).finally(() => pending.delete(name))
    pending.set(name, answer)
    return answer
  }

  const { timeoutMs } = options
  return (name, signal) =>
    settleWithin(
      { timeoutMs, signal },
      () => new Refusal('dns_timeout', `${name}: no answer within ${timeoutMs} ms`),
      (fulfil, reject) => {
        ask(name).then(fulfil, (error: unknown) => reject(toError(error)))
        // getaddrinfo cannot be cancelled; only the waiting can.
        return () => undefined
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
): Promise<readonly Address[]> {
  if (host.kind === 'address') return [host.address]
  return isLocalhostName(host.name) ? LOOPBACK : await resolve(host.name, signal)
}

const LOOPBACK: readonly Address[] = ['127.0.0.1', '::1'].flatMap(text => parseAddress(text) ?? [])

async function askOnce(name: string, lookup: Lookup): Promise<readonly Address[]> {
  let answers: readonly LookupAddress[]
  try {
    answers = await lookup(name)
  } catch (error) {
    throw new Refusal(isNotFound(error) ? 'dns_not_found' : 'dns_failed', describeError(error), {
      cause: error,
    })
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

function isNotFound(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    NOT_FOUND.has(error.code)
  )
}

function systemLookup(name: string): Promise<readonly LookupAddress[]> {
  // `lookup` throws at once for names that it does not like; inside the promise
  // that is a rejection like any other.
  return new Promise((fulfil, reject) => {
    dnsLookup(name, { all: true, order: 'verbatim' }, (error, addresses) => {
      if (error === null) fulfil(addresses)
      else reject(error)
    })
  })
}
