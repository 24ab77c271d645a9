import { headerValues, type RawHeaders } from './headers.ts'
import type { Reason } from './reasons.ts'

/**
 * Whether a request announces a body in a way that Node's parser lets through
 * although the next hop may read it otherwise: a coding before `chunked`, or
 * Transfer-Encoding in HTTP/1.0 (RFC 9112 6.1). Levers for request smuggling.
 */
export function isAmbiguous(httpVersion: string, headers: RawHeaders): boolean {
  const codings = headerValues(headers, 'transfer-encoding')
  if (codings.length === 0) return false
  const plain = codings.length === 1 && codings[0]?.trim().toLowerCase() === 'chunked'
  return !plain || httpVersion !== '1.1'
}

/**
 * A request target is a path and nothing else: `//host/x` and `/\host/x` name
 * another authority to some readers, absolute-form to all (RFC 3986 4.2).
 */
export function targetFault(target: string): Reason | undefined {
  return /^\/(?![/\\])[^#]*$/.test(target) ? undefined : 'request_target'
}

/** Whether a request has a body at all (RFC 9112 6.3). */
export function hasBody(headers: RawHeaders): boolean {
  const length = headerValues(headers, 'content-length')[0]
  if (length !== undefined) return length.trim() !== '0'
  return headerValues(headers, 'transfer-encoding').length > 0
}
