import { filterHeaders, headerPairs, isForUs, type RawHeaders } from './headers.ts'

/**
 * Fields that must not arrive after a body (RFC 9110 6.5.1): framing, routing,
 * authentication, and what governs how the body is read.
 */
const FORBIDDEN = new Set([
  'age',
  'api-key',
  'authorization',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'host',
  'keep-alive',
  'location',
  'retry-after',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'www-authenticate',
  'x-api-key',
  'x-goog-api-key',
])

/**
 * The trailers that may go on, as pairs. SECURITY: a receiver may merge them
 * into the headers, after every check of those: a credential or a length there
 * would come in behind our back.
 */
export function safeTrailers(raw: RawHeaders): [name: string, value: string][] {
  const kept = filterHeaders(raw, name => !FORBIDDEN.has(name) && !isForUs(name))
  return headerPairs(kept)
}
