/**
 * Headers as they stood on the wire: name, value, name, value. Order, case and
 * duplicates survive, which objects keyed by name would lose.
 */
export type RawHeaders = readonly string[]

/** RFC 9110 7.6.1, and the ones that proxies see in practice. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Every header in which some client sends a provider's key. */
export const CREDENTIAL_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
])

/** Each header with its value, as they stood on the wire. */
export function headerPairs(raw: RawHeaders): [name: string, value: string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i] ?? '', raw[i + 1] ?? ''])
  return pairs
}

/** All values of each header, in order; names in lower case. */
export function headersByName(raw: RawHeaders): Record<string, string[]> {
  const fields = new Map<string, string[]>()
  for (const [name, value] of headerPairs(raw)) {
    const key = name.toLowerCase()
    const values = fields.get(key)
    if (values === undefined) fields.set(key, [value])
    else values.push(value)
  }
  return Object.fromEntries(fields)
}

/** All values of one header, in order; `name` in lower case. */
export function headerValues(raw: RawHeaders, name: string): string[] {
  return raw.filter((_, i) => i % 2 === 1 && isNamed(raw, i - 1, name))
}

/** The first value of one header; `name` in lower case. */
export function firstHeader(raw: RawHeaders, name: string): string | undefined {
  return raw.find((_, i) => i % 2 === 1 && isNamed(raw, i - 1, name))
}

/** Names are ASCII, so that no other length can be the same name; most differ in that. */
function isNamed(raw: RawHeaders, at: number, name: string): boolean {
  const text = raw[at]
  return text?.length === name.length && text.toLowerCase() === name
}

/** Headers that speak to proxies, to us or to Coder: nobody behind us gets them. */
export function isForUs(name: string): boolean {
  return /^(?:proxy-|x-coder-|coder-|x-ai-?bridge-)/.test(name)
}

/** Keeps the pairs for which `keep(lowerCaseName, value)` holds. */
export function filterHeaders(
  raw: RawHeaders,
  keep: (name: string, value: string) => boolean,
): string[] {
  const kept: string[] = []
  for (const [name, value] of headerPairs(raw)) {
    if (keep(name.toLowerCase(), value)) kept.push(name, value)
  }
  return kept
}

/**
 * Removes what belongs to one connection only: the fixed list and whatever the
 * Connection header names. Framing stays with whoever writes the next message.
 */
export function stripHopByHop(raw: RawHeaders): string[] {
  const listed = new Set(
    headerValues(raw, 'connection')
      .flatMap(value => value.split(','))
      .map(token => token.trim().toLowerCase()),
  )
  // SECURITY: a client may list any header in Connection to have it dropped on
  // the way; the length must survive, or the two sides disagree on framing.
  listed.delete('content-length')
  listed.delete('host')
  return filterHeaders(raw, name => !HOP_BY_HOP.has(name) && !listed.has(name))
}
