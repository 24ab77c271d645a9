/** What Coder's records call the ways to fail; everything else is `unknown`. */
export type ErrorType =
  | 'bad_request'
  | 'unauthorized'
  | 'rate_limited'
  | 'overloaded'
  | 'server_error'
  | 'unknown'

/** Words in providers' own error types, the more telling first. */
const WORDS: readonly (readonly [word: RegExp, type: ErrorType])[] = [
  [/overloaded|unavailable|capacity/, 'overloaded'],
  [/rate_?limit|quota|throttl|exhausted|too_many/, 'rate_limited'],
  [/auth|permission|credential|api_key|access_denied/, 'unauthorized'],
  [/invalid|bad_request|not_found|too_large|unsupported|validation|policy/, 'bad_request'],
  [/server|internal|timeout|api_error/, 'server_error'],
]

export function errorTypeOfStatus(status: number): ErrorType {
  if (status === 401 || status === 403 || status === 407) return 'unauthorized'
  if (status === 429) return 'rate_limited'
  // 529: Anthropic's way to say that it is overloaded.
  if (status === 503 || status === 529) return 'overloaded'
  if (status >= 500) return 'server_error'
  return status >= 400 ? 'bad_request' : 'unknown'
}

/** The same for what a provider calls its error (`overloaded_error`). */
export function errorTypeOfName(name: string): ErrorType {
  const text = name.slice(0, 256).toLowerCase()
  return WORDS.find(([word]) => word.test(text))?.[1] ?? 'unknown'
}
