import { CREDENTIAL_HEADERS, headerPairs, type RawHeaders } from '../../kernel/headers.ts'
import { isCoderTokenShaped, isTokenShaped } from '../../kernel/token.ts'

/** Headers that hold nothing but a caller's token. */
const OWN = ['coder-session-token', 'x-coder-ai-governance-token']

/**
 * The caller's tokens among the headers of a call, as Basic credentials: more
 * than one where they contradict each other. In headers for keys only what looks
 * like a token counts (a JWT: one of our issuer), since the rest are keys that
 * the client brings, and beside a header of our own only tokens of this daemon.
 */
export function callerCredentials(
  headers: RawHeaders,
  isJwt: (text: string) => boolean,
): readonly string[] {
  const pairs = headerPairs(headers).map(
    ([name, value]) => [name.toLowerCase(), value.trim()] as const,
  )
  const own = pairs.flatMap(([name, value]) => (OWN.includes(name) && value !== '' ? value : []))
  const keys = pairs.flatMap(([name, value]) =>
    CREDENTIAL_HEADERS.has(name) ? [keyIn(value)] : [],
  )
  const sure = [...own, ...keys.filter(isTokenShaped)]
  const likely = [sure, keys.filter(isJwt), keys.filter(isCoderTokenShaped)]
  const tokens = new Set(likely.find(found => found.length > 0))
  return [...tokens].map(token => `Basic ${Buffer.from(`:${token}`).toString('base64')}`)
}

/** A bearer, the password of Basic credentials, or the value itself. */
function keyIn(value: string): string {
  const [, scheme = '', text = ''] = /^(basic|bearer) +(\S+)$/i.exec(value) ?? []
  if (scheme === '') return value
  if (scheme.toLowerCase() === 'bearer') return text
  const decoded = Buffer.from(text, 'base64').toString()
  return decoded.slice(decoded.indexOf(':') + 1)
}
