import { hash } from 'node:crypto'
import type { JWTPayload } from 'jose'
import type { OidcSettings } from '../../config/settings.ts'
import type { Clock } from '../../kernel/clock.ts'
import { describeError, Refusal } from '../../kernel/error.ts'
import type { Identity } from '../../kernel/flow.ts'
import { readJwt, type UnverifiedJwt } from '../../kernel/jwt.ts'
import { fitsPattern } from '../../kernel/rule.ts'
import { isUserName } from '../../kernel/user.ts'
import type { KeySet } from './key-set.ts'

/** A caller as a JWT names one, and how long and by which key it vouches for that. */
export interface Vouched {
  readonly identity: Identity
  readonly keyId: string
  /** Wall clock, in ms; the clocks' difference included. */
  readonly until: number
}

/** RFC 8725 3.11: tokens of other kinds (`logout+jwt`, `secevent+jwt`) vouch for nobody. */
const TYPES: ReadonlySet<unknown> = new Set([undefined, 'jwt', 'at+jwt'])

/** Whether a text is a JWT that says it is of this issuer: only such a one is a token of ours. */
export function isOfIssuer(text: string, { issuer }: Pick<OidcSettings, 'issuer'>): boolean {
  return readJwt(text)?.claims['iss'] === issuer
}

/**
 * Who a JWT of the issuer names. What can be told without a key is told first,
 * so that nonsense costs neither a question to the issuer nor cryptography.
 * @throws Refusal `auth_invalid`, or `auth_unavailable` without the issuer's keys
 */
export async function verifyJwt(
  token: string,
  settings: OidcSettings,
  { keys, clock }: { readonly keys: KeySet; readonly clock: Pick<Clock, 'now'> },
): Promise<Vouched> {
  const keyId = keyIdOf(readJwt(token), settings)
  const key = await keys.with(keyId)
  if (key === undefined) throw invalid('the issuer has no key of its kid')
  const { jwtVerify } = await import('jose/jwt/verify')
  const { payload } = await jwtVerify(token, key, {
    issuer: settings.issuer,
    audience: [...settings.audiences],
    algorithms: [...settings.algorithms],
    clockTolerance: settings.clockSkewMs / 1000,
    currentDate: new Date(clock.now()),
    requiredClaims: ['exp'],
  }).catch((error: unknown) => {
    throw invalid(describeError(error))
  })
  // Neither RFC 7519 nor jose minds it, but no clock is that wrong.
  if ((payload.iat ?? 0) * 1000 > clock.now() + settings.clockSkewMs) {
    throw invalid('it was issued in the future (iat)')
  }
  return {
    identity: identityOf(payload, settings),
    keyId,
    until: (payload.exp ?? 0) * 1000 + settings.clockSkewMs,
  }
}

/** The id of the key that is said to have signed it, if its head is one that we take. */
function keyIdOf(jwt: UnverifiedJwt | undefined, { algorithms }: OidcSettings): string {
  if (jwt === undefined) throw invalid('malformed')
  const { alg, kid, typ, crit, b64 } = jwt.header
  if (typeof alg !== 'string' || !algorithms.includes(alg)) throw invalid('its alg is not accepted')
  const type = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : typ
  if (!TYPES.has(type)) throw invalid('its typ is not accepted')
  if (crit !== undefined || b64 !== undefined) throw invalid('it has a critical header')
  if (typeof kid !== 'string' || kid === '') throw invalid('it names no key (kid)')
  return kid
}

function identityOf(payload: JWTPayload, settings: OidcSettings): Identity {
  const { userClaim, userPrefix, allowedUsers, groupsClaim } = settings
  const name = payload[userClaim]
  if (typeof name !== 'string' || !isUserName(name)) {
    throw invalid(`its claim ${userClaim} is no name of a user`)
  }
  // SECURITY: many issuers put in whatever address somebody signed up with
  // (OpenID Connect Core 1.0, 5.1 and 5.7).
  const { email_verified: isVerified = true } = payload
  if (userClaim === 'email' && isVerified !== true && isVerified !== 'true') {
    throw invalid('its address is not verified (email_verified)')
  }
  if (!allowedUsers.some(pattern => fitsPattern(pattern, name))) {
    throw invalid(`its claim ${userClaim} is not among CODER_AIBRIDGE_PROXY_OIDC_ALLOWED_USERS`)
  }
  const user = userPrefix + name
  return {
    user,
    // One for all tokens of a user: each job has its own, and the limits are the user's.
    tokenId: `oidc-${hash('sha256', user, 'hex').slice(0, 12)}`,
    // SECURITY: an issuer says who calls, never who administrates this daemon.
    admin: false,
    ...(groupsClaim === undefined ? {} : { groups: namesIn(payload[groupsClaim]) }),
  }
}

function namesIn(claim: unknown): string[] {
  const values: readonly unknown[] = Array.isArray(claim) ? claim : [claim]
  return values.filter(value => typeof value === 'string')
}

function invalid(why: string): Refusal {
  return new Refusal('auth_invalid', `JWT: ${why}`)
}
