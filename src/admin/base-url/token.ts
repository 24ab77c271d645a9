import { headerPairs, type RawHeaders } from '../../kernel/headers.ts'
import { isCoderTokenShaped, isTokenShaped } from '../../kernel/token.ts'

/** Headers that hold nothing but a caller's token. */
const OWN = ['coder-session-token', 'x-coder-ai-governance-token']

/** Where clients send a key, and so the token in place of one. */
const KEY_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
])

/**
 * The caller's token among the headers of a call, as Basic credentials. A header
 * of our own decides alone; in those of keys only what looks like a token counts
 * (a JWT: one of our issuer), since the rest are keys that the client brings.
 */
export function callerCredentials(
  headers: RawHeaders,
  isJwt: (text: string) => boolean,
): string | undefined {
  const pairs = [...headerPairs(headers)].map(
    ([name, value]) => [name.toLowerCase(), value.trim()] as const,
  )
  const own = pairs.find(([name, value]) => OWN.includes(name) && value !== '')?.[1]
  const keys = pairs.flatMap(([name, value]) => (KEY_HEADERS.has(name) ? [keyIn(value)] : []))
  const token = own ?? keys.find(isTokenShaped) ?? keys.find(isJwt) ?? keys.find(isCoderTokenShaped)
  return token === undefined ? undefined : `Basic ${Buffer.from(`:${token}`).toString('base64')}`
}

/** A bearer, the password of Basic credentials, or the value itself. */
function keyIn(value: string): string {
  const [, scheme = '', text = ''] = /^(basic|bearer) +(\S+)$/i.exec(value) ?? []
  if (scheme === '') return value
  if (scheme.toLowerCase() === 'bearer') return text
  const decoded = Buffer.from(text, 'base64').toString()
  return decoded.slice(decoded.indexOf(':') + 1)
}
