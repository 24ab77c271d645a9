/**
 * One immutable snapshot that is swapped whole. A request reads `current` once
 * and keeps what it got, so that a reload never shows it half of each.
 */
export interface Live<T> {
  readonly current: T
}

export class LiveCell<T> implements Live<T> {
  #current: T

  constructor(first: T) {
    this.#current = first
  }

  get current(): T {
    return this.#current
  }

  swap(next: T): void {
    this.#current = next
  }
}
