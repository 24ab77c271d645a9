/** How much of something each key holds at the moment. Keys that hold nothing are forgotten. */
export class Tally {
  readonly #counts = new Map<string, number>()

  of(key: string): number {
    return this.#counts.get(key) ?? 0
  }

  take(key: string, count = 1): void {
    this.#set(key, this.of(key) + count)
  }

  giveBack(key: string, count = 1): void {
    this.#set(key, this.of(key) - count)
  }

  #set(key: string, count: number): void {
    if (count > 0) this.#counts.set(key, count)
    else this.#counts.delete(key)
  }
}
