/** So that none of those who are looked at waits for all the others. */
const PARTS = 10

/** By their period, which comes from settings and constants. */
const rounds = new Map<number, Round>()

/**
 * Calls `check` about every `periodMs` until it is disposed of; that keeps no
 * process alive. All with the same period share one timer: a timer for each of a
 * thousand idle connections would wake the process a thousand times a second.
 */
export function inRounds(periodMs: number, check: () => void): Disposable {
  const round = rounds.get(periodMs) ?? new Round(periodMs)
  rounds.set(periodMs, round)
  return round.add(check)
}

class Round {
  readonly #periodMs: number
  readonly #parts = Array.from({ length: PARTS }, () => new Set<() => void>())
  #size = 0
  /** The part that was looked at last, whose next turn is a period away. */
  #at = 0
  #timer: NodeJS.Timeout | undefined

  constructor(periodMs: number) {
    this.#periodMs = periodMs
  }

  add(check: () => void): Disposable {
    const part = this.#parts[this.#at]
    part?.add(check)
    this.#size += 1
    this.#timer ??= setInterval(() => this.#look(), this.#periodMs / PARTS).unref()
    return { [Symbol.dispose]: () => this.#remove(check, part) }
  }

  #remove(check: () => void, part: Set<() => void> | undefined): void {
    if (part?.delete(check) !== true) return
    this.#size -= 1
    if (this.#size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    this.#at = (this.#at + 1) % PARTS
    for (const check of this.#parts[this.#at] ?? []) check()
  }
}
