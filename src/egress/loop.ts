import { randomBytes } from 'node:crypto'

/**
 * How this daemon recognises its own requests when they come back to it, through
 * upstream proxies or from the deployment that it hands calls to (RFC 9110
 * 7.6.3: Via exists to find loops).
 */
export interface LoopMark {
  /** Whether a request with these Via values has been through here before. */
  seenIn(via: readonly string[]): boolean
  /**
   * The Via value for the next hop: the hops so far, and ours. Undefined for a
   * request that has been through here before, or through too many proxies.
   */
  chain(via: readonly string[]): string | undefined
}

/** More proxies in a row than any network has: a loop that hides its tracks. */
const MAX_HOPS = 20
const FIELD_TEXT = /^[\t\x20-\x7e]*$/
const NAME = 'aibridgeproxyd-'

/** Whether a Via value tells of a daemon like this one. */
export function namesDaemon(via: string): boolean {
  return via.includes(NAME)
}

/** The mark is random, so that it says nothing about the machine. */
export function createLoopMark(): LoopMark {
  const pseudonym = NAME + randomBytes(9).toString('hex')
  const seenIn = (via: readonly string[]): boolean => via.some(value => value.includes(pseudonym))
  return {
    seenIn,
    chain(via) {
      const hops = via.flatMap(value => value.split(',')).map(hop => hop.trim())
      if (hops.length > MAX_HOPS || seenIn(hops)) return undefined
      // What a client sent is let through as plain text only.
      const plain = hops.filter(hop => hop !== '' && FIELD_TEXT.test(hop))
      return [...plain, `1.1 ${pseudonym}`].join(', ')
    },
  }
}
