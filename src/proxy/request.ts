import type { IncomingMessage } from 'node:http'
import { headerValues } from '../kernel/headers.ts'
import type { Reason } from '../kernel/reasons.ts'
import { headFault } from '../kernel/request-head.ts'
import { parseAuthority, type Target } from '../kernel/target.ts'

export type Parsed<T> =
  | ({ readonly ok: true } & T)
  | { readonly ok: false; readonly reason: Reason }

/**
 * Reads a CONNECT. The target comes from the request line alone (RFC 9112
 * 3.2.3); Host is never used, and may be missing: requests, urllib and undici
 * send HTTP/1.0 without one, or one without a port.
 */
export function parseConnect(request: IncomingMessage): Parsed<{ target: Target }> {
  const fault = connectFault(request)
  if (fault !== undefined) return { ok: false, reason: fault }
  return parseAuthority(request.url ?? '')
}

/**
 * Reads an absolute-form request (RFC 9112 3.2.2): `http://host[:port]/path`.
 * `path` is what goes to the origin, byte for byte.
 */
export function parseAbsolute(request: IncomingMessage): Parsed<{ target: Target; path: string }> {
  const { httpVersion: version, method = '', rawHeaders: headers } = request
  const fault = headFault({ version, method, headers })
  if (fault !== undefined) return { ok: false, reason: fault }
  const url = request.url ?? ''
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)
  if (scheme === null) return { ok: false, reason: 'origin_form' }
  if (scheme[1]?.toLowerCase() !== 'http') return { ok: false, reason: 'scheme_unsupported' }

  const rest = url.slice(scheme[0].length)
  const end = rest.search(/[/?#]/)
  const authority = end < 0 ? rest : rest.slice(0, end)
  const tail = end < 0 ? '' : rest.slice(end)
  if (tail.includes('#')) return { ok: false, reason: 'request_target' }
  const parsed = parseAuthority(hasPort(authority) ? authority : `${authority}:80`)
  if (!parsed.ok) return parsed
  return { ok: true, target: parsed.target, path: tail.startsWith('/') ? tail : `/${tail}` }
}

function connectFault({ httpVersion, rawHeaders: headers }: IncomingMessage): Reason | undefined {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 'request_malformed'
  if (headerValues(headers, 'host').length > 1) return 'host_conflict'
  // SECURITY: Node hands the "body" over as tunnel bytes; a front that took it
  // for a body would see another request than we do.
  const framed =
    headerValues(headers, 'content-length').length > 0 ||
    headerValues(headers, 'transfer-encoding').length > 0
  return framed ? 'connect_with_body' : undefined
}

function hasPort(authority: string): boolean {
  return /:[^\]]*$/.test(authority)
}
