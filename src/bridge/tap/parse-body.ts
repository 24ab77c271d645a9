import { asObject, type JsonObject, objectsOf } from '../usage/json-value.ts'

/** Bodies below this cannot become too large. */
const ALWAYS_PARSED = 1024 * 1024

/**
 * SECURITY: `[[],[],…` and `{"a":0,"b":0,…` make tens of times their own size in
 * objects, and near the end of its heap a thread only tidies up, for minutes. A
 * body of more than so many elements, or a third of it in members, is left unread.
 */
const MAX_WEIGHT = 1_500_000

const QUOTE = 0x22
const BACKSLASH = 0x5c
const [COMMA, COLON, OPEN_BRACKET, OPEN_BRACE] = [0x2c, 0x3a, 0x5b, 0x7b]

/** Of one event or message: no other user waits for longer than it takes to parse it. */
const MAX_EVENT_WEIGHT = MAX_WEIGHT / 3

/** The objects of a JSON body (one, or an array of them); `undefined` when it is no JSON. */
export function parseBody(bytes: Buffer): readonly JsonObject[] | undefined {
  const value = parseJson(bytes)
  if (value === undefined) return undefined
  const object = asObject(value)
  return object === undefined ? objectsOf(value) : [object]
}

/** What a JSON body says; `undefined` when it is no JSON, or would become too large. */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length > ALWAYS_PARSED && weightOf(bytes) > MAX_WEIGHT) return undefined
  try {
    return JSON.parse(bytes.toString().replace(/^\uFEFF/, ''))
  } catch {
    return undefined
  }
}

/** What the objects of a body cost, told from its punctuation outside of texts. */
function weightOf(bytes: Buffer): number {
  let weight = 0
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]
    if (byte === QUOTE) at = endOfText(bytes, at)
    else if (byte === COLON) weight += 2
    else if (byte === COMMA || byte === OPEN_BRACKET || byte === OPEN_BRACE) weight += 1
  }
  return weight
}

/** Where the quote is that ends the text which begins at `start`. */
function endOfText(bytes: Buffer, start: number): number {
  for (let at = start; ; ) {
    at = bytes.indexOf(QUOTE, at + 1)
    if (at < 0) return bytes.length
    let before = at
    while (bytes[before - 1] === BACKSLASH) before -= 1
    if ((at - before) % 2 === 0) return at
  }
}

/** Whether the text of an event would become too many objects. */
export function isBomb(text: string): boolean {
  return text.length > MAX_EVENT_WEIGHT && weightOf(Buffer.from(text)) > MAX_EVENT_WEIGHT
}
