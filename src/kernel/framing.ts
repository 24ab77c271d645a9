import { headerValues, type RawHeaders } from './headers.ts'

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

/** Whether a request has a body at all (RFC 9112 6.3). */
export function hasBody(headers: RawHeaders): boolean {
  const length = headerValues(headers, 'content-length')[0]
  if (length !== undefined) return length.trim() !== '0'
  return headerValues(headers, 'transfer-encoding').length > 0
}
