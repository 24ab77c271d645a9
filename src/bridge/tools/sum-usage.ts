import { asObject, type JsonObject } from '../usage/json-value.ts'

/** Adds up the numbers of two usage objects, nested ones too; of other values the later counts. */
export function sumUsage(before: JsonObject | undefined, usage: JsonObject): JsonObject {
  if (before === undefined) return usage
  const sums: Record<string, unknown> = { ...before }
  for (const [key, value] of Object.entries(usage)) {
    const earlier = sums[key]
    const inner = asObject(value)
    if (typeof value === 'number' && typeof earlier === 'number') sums[key] = earlier + value
    else if (inner !== undefined) sums[key] = sumUsage(asObject(earlier), inner)
    else if (value !== null || earlier === undefined) sums[key] = value
  }
  return sums
}
