import { headerPairs, type RawHeaders } from '../kernel/headers.ts'

/** Where browsers, which can set no header, have OpenAI's key for a WebSocket. */
const MARK = 'openai-insecure-api-key.'
const HEADER = 'sec-websocket-protocol'

/** The keys among the subprotocols that a client offers (RFC 6455 11.3.4). */
export function subprotocolKeys(headers: RawHeaders): string[] {
  return headerPairs(headers).flatMap(([name, value]) =>
    name.toLowerCase() === HEADER ? offers(value).flatMap(offer => keyOf(offer) ?? []) : [],
  )
}

/** The headers without those keys for which `drop` holds. */
export function withoutSubprotocolKeys(
  headers: RawHeaders,
  drop: (key: string) => boolean,
): RawHeaders {
  if (!subprotocolKeys(headers).some(drop)) return headers
  return headerPairs(headers).flatMap(([name, value]) => {
    if (name.toLowerCase() !== HEADER) return [name, value]
    const kept = offers(value).filter(offer => {
      const key = keyOf(offer)
      return key === undefined || !drop(key)
    })
    return kept.length === 0 ? [] : [name, kept.join(', ')]
  })
}

function offers(value: string): string[] {
  return value.split(',').map(offer => offer.trim())
}

function keyOf(offer: string): string | undefined {
  return offer.startsWith(MARK) ? offer.slice(MARK.length) : undefined
}
