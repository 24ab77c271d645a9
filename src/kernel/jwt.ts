/** More than issuers put into one; what is longer is not even taken apart. */
const MAX_JWT = 8192

const FORM = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/
/** One amid a text; every JSON object in base64url begins so. The lookbehind keeps it linear. */
const WITHIN = /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]*\.(eyJ[A-Za-z0-9_-]*)\./g

type Json = Readonly<Record<string, unknown>>

/** What a JWT in compact form (RFC 7519) says of itself. Nothing vouches for it yet. */
export interface UnverifiedJwt {
  readonly header: Json
  readonly claims: Json
}

/** Takes a JWT apart without judging it; undefined for what is none. */
export function readJwt(text: string): UnverifiedJwt | undefined {
  if (text.length > MAX_JWT || !FORM.test(text)) return undefined
  const [header, claims] = text.split('.').map(parseSegment)
  return header === undefined || claims === undefined ? undefined : { header, claims }
}

/**
 * Whether a JWT of the issuer of `token`, itself a JWT, stands somewhere in a
 * text. Its claims are searched, not parsed: a header has room for thousands.
 */
export function holdsJwtOfSameIssuer(text: string, token: string): boolean {
  const issuer = readJwt(token)?.claims['iss']
  if (typeof issuer !== 'string') return false
  const wanted = JSON.stringify(issuer)
  return [...text.matchAll(WITHIN)].some(([, claims = '']) =>
    // Some writers of JSON escape slashes.
    Buffer.from(claims, 'base64url').toString('utf8').replaceAll('\\/', '/').includes(wanted),
  )
}

function parseSegment(segment: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(segment, 'base64url').toString('utf8'))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
