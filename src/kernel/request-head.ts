import { hasBody, isAmbiguous } from './framing.ts'
import { headerValues, type RawHeaders } from './headers.ts'
import type { Reason } from './reasons.ts'

/** The head of a request, in the terms of HTTP/1.1 whatever it came in. */
export interface RequestHead {
  /** `1.0`, `1.1` or `2`. */
  readonly version: string
  readonly method: string
  readonly path: string
  readonly headers: RawHeaders
}

/** Our parsers know other versions as well, and take them for HTTP/1.1. */
const VERSIONS: ReadonlySet<string> = new Set(['1.0', '1.1', '2'])

/**
 * What is wrong with a head, on whatever listener it came: what the parser lets
 * through although the next reader may see another request in it.
 */
export function headFault(
  { version, method, headers }: Omit<RequestHead, 'path'>,
  upgrade = false,
): Reason | undefined {
  if (!VERSIONS.has(version)) return 'request_malformed'
  if (!isAllowed(method)) return 'method_not_allowed'
  if (headerValues(headers, 'host').length > 1) return 'host_conflict'
  if (isAmbiguous(version, headers)) return 'framing'
  const expectations = headerValues(headers, 'expect')
  if (!expectations.every(text => text.toLowerCase() === '100-continue'))
    return 'expectation_failed'
  if (!upgrade) return undefined
  // RFC 9110 7.8: HTTP/1.0 has no upgrades, so another reader would see none.
  if (version !== '1.1') return 'request_malformed'
  // SECURITY: its parser is gone, so nobody could say where that body ends.
  return hasBody(headers) ? 'framing' : undefined
}

/**
 * SECURITY: over HTTP/2 a method may be in lower case, and Node writes it in
 * upper case: `trace` would be another method behind us than before us.
 */
function isAllowed(method: string): boolean {
  return /^[A-Z]+(?:-[A-Z]+)*$/.test(method) && method !== 'TRACE' && method !== 'CONNECT'
}

/**
 * What is wrong with a path that goes to a provider. Only origin-form: `//host/x`
 * and `/\host/x` name another authority to some readers, absolute-form to all
 * (RFC 3986 4.2). Bytes beyond ASCII pass HTTP/2's parser only.
 */
export function pathFault(path: string): Reason | undefined {
  return /^\/(?![/\\])[\x21\x22\x24-\x7e]*$/.test(path) ? undefined : 'request_target'
}
