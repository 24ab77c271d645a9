import { headerValues, type RawHeaders } from './headers.ts'

/** Signs, lists and leading zeros are read in several ways, and so is what overflows. */
const LENGTH = /^(?:0|[1-9][0-9]{0,14})$/

/**
 * Whether a message announces a body in a way that Node's parsers let through
 * although the next hop may read it otherwise: a length that is no plain number,
 * a coding before `chunked`, or Transfer-Encoding in HTTP/1.0 (RFC 9112 6.1).
 * Levers for request smuggling.
 */
export function isAmbiguous(httpVersion: string, headers: RawHeaders): boolean {
  if (!headerValues(headers, 'content-length').every(text => LENGTH.test(text))) return true
  const codings = headerValues(headers, 'transfer-encoding')
  if (codings.length === 0) return false
  const plain = codings.length === 1 && codings[0]?.trim().toLowerCase() === 'chunked'
  // In HTTP/2 it is our own word for a body without a length.
  return !plain || (httpVersion !== '1.1' && httpVersion !== '2')
}

/** Whether a request has a body at all (RFC 9112 6.3). */
export function hasBody(headers: RawHeaders): boolean {
  const length = headerValues(headers, 'content-length')[0]
  if (length !== undefined) return length !== '0'
  return headerValues(headers, 'transfer-encoding').length > 0
}

/**
 * What a request needs beside the length that it came with: a chunked body is
 * chunked anew. Where there is no body, Node would announce a chunked one for
 * any method but these (RFC 9110 8.6).
 */
export function framingAnew(method: string, headers: RawHeaders): string[] {
  if (headerValues(headers, 'transfer-encoding').length > 0) return ['Transfer-Encoding', 'chunked']
  const isEmpty = headerValues(headers, 'content-length').length === 0
  return isEmpty && !/^(?:GET|HEAD|DELETE|OPTIONS)$/.test(method) ? ['Content-Length', '0'] : []
}
