import { asObject, type JsonObject, objectsOf } from '../usage/json-value.ts'

/** Bodies below this cannot become too many objects. */
const ALWAYS_PARSED = 4 * 1024 * 1024

/**
 * SECURITY: `[[],[],…` makes tens of times its own size in objects; a body with
 * more openings than this (in texts, too) is left unread.
 */
const MAX_OPENINGS = 1_500_000

const OPEN_BRACKET = 91
const OPEN_BRACE = 123

/** The objects of a JSON body (one, or an array of them); `undefined` when it is no JSON. */
export function parseBody(bytes: Buffer): readonly JsonObject[] | undefined {
  if (bytes.length > ALWAYS_PARSED && openings(bytes) > MAX_OPENINGS) return undefined
  try {
    const value: unknown = JSON.parse(bytes.toString().replace(/^\uFEFF/, ''))
    const object = asObject(value)
    return object === undefined ? objectsOf(value) : [object]
  } catch {
    return undefined
  }
}

function openings(bytes: Buffer): number {
  let count = 0
  for (const byte of bytes) {
    if (byte === OPEN_BRACKET || byte === OPEN_BRACE) count += 1
  }
  return count
}
