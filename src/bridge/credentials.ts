import { CREDENTIAL_HEADERS, headerPairs, type RawHeaders } from '../kernel/headers.ts'
import { holdsJwtOfSameIssuer } from '../kernel/jwt.ts'
import type { Billing } from '../kernel/price.ts'
import { PLACEHOLDER_KEY, type ProviderType } from '../kernel/provider.ts'
import type { Reason } from '../kernel/reasons.ts'
import { maskCredential, type Secret } from '../kernel/secret.ts'
import { holdsTokenShape } from '../kernel/token.ts'
import { billingOf } from './billing.ts'
import { queryKeys } from './query-key.ts'
import { subprotocolKeys } from './subprotocol-key.ts'

/** The signature of an AWS client that holds the placeholder as its access key. */
const PLACEHOLDER_SIGNATURE = `AWS4-HMAC-SHA256 Credential=${PLACEHOLDER_KEY}/`

export type Credential =
  /** Ours goes in, the client's go out. */
  | {
      readonly kind: 'centralized'
      readonly key: Secret
      readonly hint: string
      readonly billing: Billing
    }
  /** The client's own go through as they are. */
  | { readonly kind: 'byok'; readonly hint: string; readonly billing: Billing }
  /** Nothing goes in and nothing through. */
  | { readonly kind: 'none' }
  | { readonly kind: 'refuse'; readonly reason: Reason }

interface CredentialContext {
  readonly type: ProviderType
  /** The central one, if there is one. */
  readonly key: Secret | undefined
  readonly callerToken: Secret | undefined
  readonly allowByok: boolean
  /** As the client sent it: its query may hold a key. */
  readonly path: string
  /** The path is on a list of the provider type. */
  readonly listed: boolean
}

/**
 * Which credential a call travels with. The caller's own token and the
 * placeholder say "use the central key"; any other credential is the client's
 * own and wins where that is allowed.
 */
export function chooseCredential(headers: RawHeaders, context: CredentialContext): Credential {
  const { type, key, allowByok, listed } = context
  const own = ownCredential(headers, context)
  if (own !== undefined && allowByok) {
    return { kind: 'byok', hint: maskCredential(own), billing: billingOf(own, type) }
  }
  if (!type.centralKey && !allowByok) return { kind: 'refuse', reason: 'byok_disabled' }
  if (!listed) return { kind: 'none' }
  if (key === undefined) return { kind: 'refuse', reason: 'no_credential' }
  return { kind: 'centralized', key, hint: keyHint(key), billing: billingOf(key.reveal(), type) }
}

/** What an operator may see of a central key. */
export function keyHint(key: Secret): string {
  return maskCredential(key.reveal())
}

/** Whether a credential header's value is the caller's token or the placeholder. */
export function isOurs(value: string, callerToken: Secret | undefined): boolean {
  const token = bearerToken(value)
  const isPlaceholder = token === PLACEHOLDER_KEY || token.startsWith(PLACEHOLDER_SIGNATURE)
  return token === '' || isPlaceholder || holdsToken(value, callerToken)
}

/**
 * Whether any header's value holds a token of ours, the caller's or another's
 * (of a caller with a JWT: any of that issuer), plainly or in Basic credentials:
 * whatever a client means by it, it must not leave.
 */
export function holdsToken(value: string, callerToken: Secret | undefined): boolean {
  const encoded = /^basic\s+(\S+)$/i.exec(value.trim())?.[1]
  const decoded = encoded === undefined ? [] : [Buffer.from(encoded, 'base64').toString('latin1')]
  const token = callerToken?.reveal()
  return [value, ...decoded].some(
    text =>
      holdsTokenShape(text) ||
      (token !== undefined && (text.includes(token) || holdsJwtOfSameIssuer(text, token))),
  )
}

function ownCredential(
  headers: RawHeaders,
  { path, type, callerToken }: CredentialContext,
): string | undefined {
  for (const [name, value] of headerPairs(headers)) {
    if (CREDENTIAL_HEADERS.has(name.toLowerCase()) && !isOurs(value, callerToken)) {
      return bearerToken(value)
    }
  }
  const others = [...queryKeys(path, type), ...subprotocolKeys(headers)]
  return others.find(value => !isOurs(value, callerToken))
}

/** The token of a bearer value; any other value is taken whole. */
function bearerToken(value: string): string {
  const text = value.trim()
  return /^bearer(?=\s|$)/i.test(text) ? text.slice('bearer'.length).trim() : text
}
