/** A JSON object whose members are not to be trusted. */
export type JsonObject = Readonly<Record<string, unknown>>

/**
 * No provider bills this many tokens in one answer. What is above (or negative,
 * fractional, not a number) is a fault and no measurement.
 */
const MAX_COUNT = 1_000_000_000_000

export function asObject(value: unknown): JsonObject | undefined {
  return isObject(value) ? value : undefined
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The objects of an array; anything else in it is skipped. */
export function objectsOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

export function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** A string that says something. */
export function asName(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A plausible number of tokens. */
export function asCount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_COUNT
    ? value
    : undefined
}

/** A small index of a list that a stream fills. */
export function asIndex(value: unknown): number | undefined {
  const index = asCount(value)
  return index !== undefined && index < 4096 ? index : undefined
}

/** JSON text as an object; `undefined` when it is not one. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    return asObject(JSON.parse(text))
  } catch {
    return undefined
  }
}
