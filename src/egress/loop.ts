import { randomBytes } from 'node:crypto'

/**
 * How this daemon recognises its own requests when they come back to it through
 * upstream proxies (RFC 9110 7.6.3: Via exists to find loops).
 */
export interface LoopMark {
  /** What we add to Via: `1.1 aibridgeproxyd-<random>`. */
  readonly via: string
  /** Whether a request with these Via values has been through here before. */
  seenIn(via: readonly string[]): boolean
}

/** The mark is random, so that it says nothing about the machine. */
export function createLoopMark(): LoopMark {
  const pseudonym = `aibridgeproxyd-${randomBytes(9).toString('hex')}`
  return {
    via: `1.1 ${pseudonym}`,
    seenIn: via => via.some(value => value.includes(pseudonym)),
  }
}
