/**
 * Caps the time series of one metric. What was seen while there was room keeps
 * its own series for good; everything later is counted under `other`. That the
 * answer for given labels never changes keeps gauges straight: the decrement
 * meets the series of its increment.
 */
export class SeriesBudget {
  readonly #limit: number
  readonly #seen = new Set<string>()

  constructor(limit: number) {
    this.#limit = limit
  }

  admit(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const series = Object.values(labels).join('\0')
    if (this.#seen.size < this.#limit) this.#seen.add(series)
    if (this.#seen.has(series)) return labels
    return Object.fromEntries(Object.keys(labels).map(name => [name, 'other']))
  }
}
