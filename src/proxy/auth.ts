import { isUtf8 } from 'node:buffer'
import { setTimeout } from 'node:timers/promises'
import { Refusal } from '../kernel/error.ts'
import type { Failures } from '../kernel/failures.ts'
import type { Authenticate, Caller, ClientCertificate, Holder } from '../kernel/flow.ts'
import { Secret } from '../kernel/secret.ts'

const BASIC = /^basic +([A-Za-z0-9+/]+={0,2})$/i
/** RFC 6750 2.1; padding included. */
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i
/** JWTs of issuers that name many groups have some kilobytes. */
const MAX_HEADER = 12 * 1024
/** What `authenticate` gives when the operator switched authentication off. */
export const ANONYMOUS: Caller = {
  identity: { user: 'anonymous', tokenId: '', admin: false },
  token: undefined,
  isValid: () => true,
}

/**
 * The password of Basic credentials (RFC 7617), UTF-8, split at the first
 * colon. The user name is free; neither may hold controls. `undefined` for anything else.
 */
export function basicPassword(value: string): string | undefined {
  if (value.length > MAX_HEADER) return undefined
  const encoded = BASIC.exec(value)?.[1]
  if (encoded === undefined) return undefined
  const bytes = Buffer.from(encoded, 'base64')
  // Node skips over bad base64; what does not encode back was not base64.
  if (bytes.toString('base64').replace(/=+$/, '') !== encoded.replace(/=+$/, '')) return undefined
  const decoded = bytes.toString('utf8')
  const colon = decoded.indexOf(':')
  if (!isUtf8(bytes) || colon < 0) return undefined
  const password = decoded.slice(colon + 1)
  return password === '' || hasControl(decoded) ? undefined : password
}

/** The token of a bearer; `undefined` for anything else. */
export function bearerToken(value: string): string | undefined {
  return value.length > MAX_HEADER ? undefined : BEARER.exec(value)?.[1]
}

interface AuthDeps {
  readonly mode: 'required' | 'off'
  /** Whom a token names; rejects when the store cannot be asked. */
  readonly lookup: (token: string) => Promise<Holder | undefined>
  /** Whom a certificate names, where one does. */
  readonly certified?: (certificate: ClientCertificate) => Caller | undefined
}

/**
 * Checks Proxy-Authorization before anything else happens to a request; without
 * it the client's certificate, if certificates name callers. Throws
 * a `Refusal`: `auth_missing`, `auth_invalid` or `auth_unavailable`.
 */
export function createAuthenticate(
  deps: AuthDeps,
): (
  values: readonly string[],
  from?: { readonly certificate?: ClientCertificate | undefined },
) => Promise<Caller> {
  return async (values, { certificate } = {}) => {
    if (deps.mode === 'off') return ANONYMOUS
    const value = values[0]
    if (value === undefined) {
      const caller = certificate && deps.certified?.(certificate)
      if (caller === undefined) throw new Refusal('auth_missing')
      return caller
    }
    // SECURITY: two credentials are not "the first one": whoever sits before us
    // may have judged the other.
    if (values.length > 1) throw new Refusal('auth_invalid', 'more than one credential')
    const password = basicPassword(value) ?? bearerToken(value)
    if (password === undefined)
      throw new Refusal('auth_invalid', 'neither Basic credentials with a token nor a bearer')
    const holder = await ask(deps, password)
    if (holder === undefined) throw new Refusal('auth_invalid', 'unknown, expired or revoked token')
    return { ...holder, token: new Secret(password) }
  }
}

/**
 * Makes the answers of those who keep failing wait. A missing credential is no
 * failure: many clients send none until they are challenged.
 */
export function slowFailures(authenticate: Authenticate, failures: Failures): Authenticate {
  return async (values, from) => {
    try {
      return await authenticate(values, from)
    } catch (error) {
      if (error instanceof Refusal && error.reason === 'auth_invalid') {
        await pause(failures.add(from.address), from.gone)
      }
      throw error
    }
  }
}

/** Ends early, and without an error, when nobody waits any more. */
async function pause(ms: number, gone: AbortSignal): Promise<void> {
  if (ms > 0) await setTimeout(ms, undefined, { signal: gone, ref: false }).catch(() => undefined)
}

async function ask(deps: AuthDeps, password: string): Promise<Holder | undefined> {
  try {
    return await deps.lookup(password)
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal('auth_unavailable', 'the token store cannot be asked', { cause: error })
  }
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code === 0x7f) return true
  }
  return false
}
