import { parseAddress } from './address.ts'
import type { Clock } from './clock.ts'

/** Peers that are remembered; beyond it the one that was quiet longest is forgotten. */
const MAX_PEERS = 4096
/** Mistakes that cost nothing: a stale token, and every tool that has it. */
const FREE = 10
const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 2000
const HALF_LIFE_MS = 60_000

/**
 * Failed authentications by peer address: each one more makes the next answer
 * of a failure later. Only failures wait, so nobody can lock out others behind
 * the same address, and a right token works at once.
 */
export class Failures {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #peers = new Map<string, { readonly count: number; readonly at: number }>()

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  /** Counts one more failure of this address; how long its answer has to wait, in ms. */
  add(address: string): number {
    const key = networkOf(address)
    const at = this.#clock.monotonic()
    const before = this.#peers.get(key)
    const faded = before === undefined ? 0 : before.count * 2 ** ((before.at - at) / HALF_LIFE_MS)
    const count = Math.min(faded + 1, FREE * 2)
    this.#peers.delete(key)
    this.#peers.set(key, { count, at })
    if (this.#peers.size > MAX_PEERS) {
      const [oldest] = this.#peers.keys()
      if (oldest !== undefined) this.#peers.delete(oldest)
    }
    return count <= FREE ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (count - FREE - 1))
  }
}

/** One host has a whole /64 of IPv6 addresses to itself. A zone or nonsense stays as it is. */
function networkOf(text: string): string {
  const address = parseAddress(text)
  if (address === undefined || address.family === 4) return text
  const isMapped = address.bytes.subarray(0, 10).every(byte => byte === 0)
  return isMapped ? address.text : Buffer.from(address.bytes.subarray(0, 8)).toString('hex')
}
