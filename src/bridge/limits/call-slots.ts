import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/error.ts'
import { Tally } from '../../kernel/tally.ts'

const RETRY_MS = 1000
/** Who was told to come again is expected for so long. */
const EXPECTED_MS = 2 * RETRY_MS
/** Callers that are expected at once. */
const MOST = 1000

/**
 * Counts the calls that are in flight in this daemon. SECURITY: a free slot is
 * kept for whoever was turned away and holds less, or a caller that asks all
 * the time would get each one again. Nothing is kept for callers who may never
 * come: one alone has all of the limit.
 */
export class CallSlots {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>
  #taken = 0
  readonly #holders = new Tally()
  /** Who was turned away, and until when they are expected. */
  readonly #expected = new Map<string, number>()

  constructor(clock: Pick<Clock, 'now' | 'monotonic'>) {
    this.#clock = clock
  }

  /**
   * Takes a slot until it is disposed; a limit of 0 is none.
   * @throws Refusal `too_many_calls`
   */
  take(limit: number, user: string): Disposable {
    if (limit > 0 && limit - this.#taken <= this.#keptFrom(user)) {
      this.#expect(user)
      throw new Refusal('too_many_calls', `${this.#taken} calls are in flight`, {
        retryAt: this.#clock.now() + RETRY_MS,
        limit: { policy: 'concurrency', quota: limit, unit: 'concurrent-requests' },
      })
    }
    this.#expected.delete(user)
    this.#taken += 1
    this.#holders.take(user)
    return {
      [Symbol.dispose]: () => {
        this.#taken -= 1
        this.#holders.giveBack(user)
      },
    }
  }

  /** How many slots are for others: one for each who is expected and holds less. */
  #keptFrom(user: string): number {
    const held = this.#holders.of(user)
    const now = this.#clock.monotonic()
    let kept = 0
    for (const [other, until] of this.#expected) {
      if (until <= now) this.#expected.delete(other)
      else if (other !== user && this.#holders.of(other) < held) kept += 1
    }
    return kept
  }

  #expect(user: string): void {
    // Again, in the order of time.
    this.#expected.delete(user)
    this.#expected.set(user, this.#clock.monotonic() + EXPECTED_MS)
    for (const [oldest] of this.#expected) {
      if (this.#expected.size <= MOST) break
      this.#expected.delete(oldest)
    }
  }
}
