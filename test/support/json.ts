export type JsonObject = Readonly<Record<string, unknown>>

/** The object that `text` holds; an empty one for anything else. */
export function parseJsonObject(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : {}
  } catch {
    return {}
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
