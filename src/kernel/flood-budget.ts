/** What may pass without being earned. */
export interface Allowance {
  readonly burstBytes: number
  /** Comes back with time, up to a burst. */
  readonly bytesPerMs: number
}

/**
 * About 60,000 PINGs: some tens of milliseconds of work at once, and more than
 * a client still sends of an upload after it was told that nobody wants it.
 */
const CONTROL: Allowance = { burstBytes: 1024 * 1024, bytesPerMs: 64 }

/** The frame's own head, and the window updates and pings that go with it. */
const FRAME_BYTES = 64

/**
 * Weighs what a connection sends against what it is good for. Frames of HTTP/2
 * that carry nothing (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA,
 * unknown ones) and such records of TLS cost the peer a few bytes and us work,
 * and most of them pass without a word from Node (CVE-2019-9511 and its
 * siblings). So every byte has to be earned: by heads and bodies that arrive,
 * and by what is sent back.
 */
export class FloodBudget {
  readonly #allowance: Allowance
  #left: number
  #earned = 0
  /** Bytes read that are settled: earned, or taken from what is left. */
  #settled = 0
  #at: number

  constructor(now: number, allowance = CONTROL) {
    this.#allowance = allowance
    this.#left = allowance.burstBytes
    this.#at = now
  }

  /** A frame's worth of use passed, with so many bytes. */
  earn(bytes: number): void {
    this.#earned += bytes + FRAME_BYTES
  }

  /**
   * Whether `read`, all bytes so far, is within the budget. `waiting` are bytes
   * of bodies that nobody has taken yet; `now` is in milliseconds.
   */
  allows(read: number, waiting: number, now: number): boolean {
    const { burstBytes, bytesPerMs } = this.#allowance
    const useful = this.#earned + waiting
    const idle = read - this.#settled - useful
    // What was earned in advance counts up to one burst.
    this.#settled = read - useful + Math.min(Math.max(-idle, 0), burstBytes)
    const refill = Math.max(0, now - this.#at) * bytesPerMs
    this.#at = now
    this.#left = Math.min(burstBytes, this.#left + refill) - Math.max(0, idle)
    return this.#left >= 0
  }
}
