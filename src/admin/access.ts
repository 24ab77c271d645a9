import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { Refusal } from '../kernel/error.ts'
import type { Holder } from '../kernel/flow.ts'
import { REASONS } from '../kernel/reasons.ts'
import type { AdminDeps } from './deps.ts'
import type { ErrorAnswer } from './respond.ts'
import type { Access } from './route.ts'

export type Admission =
  | { readonly ok: true; readonly holder: Holder | undefined }
  | { readonly ok: false; readonly answer: ErrorAnswer; readonly wrongToken?: boolean }

/** Whether the bearer of these headers may have what `access` protects. */
export async function admit(
  access: Access,
  headers: IncomingHttpHeaders,
  onLoopback: boolean,
  authenticate: AdminDeps['authenticate'],
): Promise<Admission> {
  if (access === 'none' || (access === 'loopback' && onLoopback)) {
    return { ok: true, holder: undefined }
  }
  const token = tokenOf(headers)
  if (token === undefined) return { ok: false, answer: MISSING }
  try {
    const holder = await authenticate(token, headers.via === undefined ? [] : [headers.via])
    if (holder === undefined) return { ok: false, answer: INVALID, wrongToken: true }
    if (access !== 'user' && !holder.identity.admin) return { ok: false, answer: NOT_ADMIN }
    return { ok: true, holder }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    if (error.reason === 'auth_invalid') return { ok: false, answer: INVALID, wrongToken: true }
    const { status, text } = REASONS[error.reason]
    return { ok: false, answer: { status, message: text } }
  }
}

/** `Coder-Session-Token`, or else `Authorization: Bearer` (RFC 6750 2.1). */
function tokenOf(headers: IncomingHttpHeaders): string | undefined {
  const session = headers['coder-session-token']
  if (typeof session === 'string' && session !== '') return session
  return /^Bearer +([^ ]+) *$/i.exec(headers.authorization ?? '')?.[1]
}

/**
 * SECURITY: a web page may point a name of its own at 127.0.0.1 (DNS rebinding)
 * and would then be same-origin with a listener that trusts loopback. An
 * address, `localhost` and the configured name cannot be pointed elsewhere.
 * A page of another origin says so in Origin.
 */
export function isForeign(headers: IncomingHttpHeaders, listenHost: string): boolean {
  const { host, origin } = headers
  // HTTP/1.0 without Host: no browser sends that.
  if (host === undefined) return origin !== undefined
  const name = hostName(host)
  const known = isIP(name) !== 0 || name === 'localhost' || name === listenHost.toLowerCase()
  if (!known) return true
  return origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`
}

/** Of an address as sockets tell it, not of a name. */
export function isLoopback(address: string): boolean {
  return address === '::1' || (isIP(address) === 4 && address.startsWith('127.'))
}

/** The name of a Host header in lower case; a malformed one is no known name. */
function hostName(host: string): string {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::[0-9]*)?$/.exec(host)
  return (match?.[1] ?? match?.[2] ?? '').toLowerCase()
}

const CHALLENGE = { 'WWW-Authenticate': 'Bearer' }
const MISSING: ErrorAnswer = {
  status: 401,
  message: 'A token is required.',
  detail: 'Send it as Coder-Session-Token or as Authorization: Bearer.',
  headers: CHALLENGE,
}
const INVALID: ErrorAnswer = {
  status: 401,
  message: 'The token is not valid.',
  headers: CHALLENGE,
}
const NOT_ADMIN: ErrorAnswer = {
  status: 403,
  message: 'This needs the token of an administrator.',
}
