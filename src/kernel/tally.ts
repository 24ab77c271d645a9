/** How much of something each key holds at the moment. Keys that hold nothing are forgotten. */
export class Tally {
  readonly #counts = new Map<string, number>()

  of(key: string): number {
    return this.#counts.get(key) ?? 0
  }

  take(key: string): void {
    this.#counts.set(key, this.of(key) + 1)
  }

  giveBack(key: string): void {
    const left = this.of(key) - 1
    if (left > 0) this.#counts.set(key, left)
    else this.#counts.delete(key)
  }
}
