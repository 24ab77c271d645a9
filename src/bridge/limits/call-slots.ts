import { Refusal } from '../../kernel/error.ts'

const RETRY_MS = 1000

/** Counts the calls that are in flight in this daemon. */
export class CallSlots {
  #taken = 0

  /**
   * Takes a slot until it is disposed; a limit of 0 is none.
   * @throws Refusal `too_many_calls`
   */
  take(limit: number, now: number): Disposable {
    if (limit > 0 && this.#taken >= limit) {
      throw new Refusal('too_many_calls', `${this.#taken} calls are in flight`, {
        retryAt: now + RETRY_MS,
        limit: { policy: 'concurrency', quota: limit, unit: 'concurrent-requests' },
      })
    }
    this.#taken += 1
    return {
      [Symbol.dispose]: () => {
        this.#taken -= 1
      },
    }
  }
}
