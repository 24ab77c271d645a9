/**
 * Bounds the log lines per key and second, so that a flood of refusals cannot
 * fill the disk. Keys come from a closed table.
 */
export class LineBudget {
  readonly #perSecond: number
  readonly #windows = new Map<string, { start: number; lines: number; suppressed: number }>()

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** Whether to write a line for `key` at `now` (monotonic milliseconds). */
  admit(key: string, now: number): boolean {
    let window = this.#windows.get(key)
    if (window === undefined) {
      window = { start: now, lines: 0, suppressed: 0 }
      this.#windows.set(key, window)
    }
    if (now - window.start >= 1000) {
      window.start = now
      window.lines = 0
    }
    window.lines += 1
    if (window.lines <= this.#perSecond) return true
    window.suppressed += 1
    return false
  }

  /** What was suppressed since the last call, by key. */
  takeSuppressed(): { readonly key: string; readonly count: number }[] {
    const taken: { readonly key: string; readonly count: number }[] = []
    for (const [key, window] of this.#windows) {
      if (window.suppressed > 0) taken.push({ key, count: window.suppressed })
      window.suppressed = 0
    }
    return taken
  }
}
