import { asCount } from './json-value.ts'

/**
 * Cumulative counters under the provider's own names. One rule for every
 * format: the last value wins, but a zero, an absent or an impossible value
 * never erases what was there: a cumulative count does not fall to nothing, and
 * some backends send empty usage objects after the real one.
 */
export type Counters = Map<string, number>

/** Takes a value over into `counters` by that rule. */
export function count(counters: Counters, name: string, value: unknown): void {
  const next = asCount(value)
  if (next === undefined) return
  if (next === 0 && counters.has(name)) return
  counters.set(name, next)
}

/** The counters that are known, under the names in which they are published. */
export function extraCounts(
  counters: Counters,
  names: Readonly<Record<string, string>>,
): Record<string, number> {
  const extra: Record<string, number> = {}
  for (const [own, published] of Object.entries(names)) {
    const value = counters.get(own)
    if (value !== undefined) extra[published] = value
  }
  return extra
}

/**
 * What is left of a total that includes `parts`. A part that is larger than the
 * total was evidently not included in it.
 */
export function without(
  total: number | undefined,
  ...parts: (number | undefined)[]
): number | null {
  if (total === undefined) return null
  const included = parts.reduce<number>((sum, part) => sum + (part ?? 0), 0)
  return included > total ? total : total - included
}
