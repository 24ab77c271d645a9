import type { Price } from '../../kernel/price.ts'
import { BUILT_IN_PRICES } from './built-in.ts'

/** What is to be priced. */
export interface Priced {
  /** Name and type of the provider. */
  readonly provider: string
  readonly providerType: string
  readonly model: string
  /** The start of the call, in milliseconds since the epoch. */
  readonly at: number
}

/**
 * The row that holds for a call. The operator's rows beat the built-in ones, and
 * those for a provider's name beat those for its type. Of those, the one that
 * names the model most exactly counts, and of several dates the latest that has
 * come.
 */
export function findPrice(own: readonly Price[], call: Priced): Price | undefined {
  return (
    best(
      own.filter(row => row.of === 'name' && row.provider === call.provider),
      call,
    ) ??
    best(ofType(own, call), call) ??
    best(ofType(BUILT_IN_PRICES, call), call)
  )
}

function ofType(rows: readonly Price[], { providerType }: Priced): Price[] {
  return rows.filter(row => row.of === 'type' && row.provider === providerType)
}

function best(rows: readonly Price[], { model, at }: Priced): Price | undefined {
  let found: Price | undefined
  let rank = 0
  for (const row of rows) {
    const exactness = row.from > at ? 0 : exactnessOf(row.model, model)
    if (exactness === 0 || exactness < rank) continue
    if (exactness === rank && found !== undefined && row.from <= found.from) continue
    found = row
    rank = exactness
  }
  return found
}

/** The same id, or else a dated snapshot, or else the longest beginning; 0 for no match. */
function exactnessOf(pattern: string, model: string): number {
  if (pattern === model) return Number.POSITIVE_INFINITY
  if (pattern.endsWith('*')) {
    const start = pattern.slice(0, -1)
    return model.startsWith(start) ? 1 + start.length : 0
  }
  const isSnapshot = model.startsWith(pattern) && SNAPSHOT.test(model.slice(pattern.length))
  return isSnapshot ? Number.MAX_SAFE_INTEGER : 0
}

/** `-20250929`, `@20250929` and `-2025-11-13`; `-pro` is another model. */
const SNAPSHOT = /^(?:[-@]\d{8}|-\d{4}-\d{2}-\d{2})$/
