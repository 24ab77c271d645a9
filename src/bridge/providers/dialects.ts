/** Error types of the Messages API, by status. */
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
}

/** An error as Anthropic's clients expect it. */
export function anthropicError(status: number, message: string): string {
  return JSON.stringify({ type: 'error', error: anthropicFault(status, message) })
}

function anthropicFault(status: number, message: string): { type: string; message: string } {
  const type = ANTHROPIC_TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error')
  return { type, message }
}

/** An error as OpenAI's clients, and the many that copy them, expect it. */
export function openaiError(status: number, message: string, code: string): string {
  // What their clients take for a reason to stop trying, and no other 429.
  const isSpent = code === 'budget_exhausted'
  const type = isSpent ? 'insufficient_quota' : openaiType(status)
  return JSON.stringify({ error: { message, type, param: null, code: isSpent ? type : code } })
}

function openaiType(status: number): string {
  if (status === 429) return 'rate_limit_error'
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}

/** Canonical codes by status (https://cloud.google.com/apis/design/errors). */
const GOOGLE_CODES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

/** An error as Google's clients expect it. */
export function googleError(status: number, message: string, code: string): string {
  const info = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: code.toUpperCase() }
  const details = [{ ...info, domain: 'aibridgeproxyd' }]
  const name = GOOGLE_CODES[status] ?? (status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL')
  return JSON.stringify({ error: { code: status, message, status: name, details } })
}

/** An error as both Anthropic's and Amazon's clients read it. */
export function bedrockError(status: number, message: string): string {
  return JSON.stringify({ type: 'error', error: anthropicFault(status, message), message })
}

/** Every form of error there is. */
export const DIALECTS = {
  anthropic: anthropicError,
  openai: openaiError,
  google: googleError,
  bedrock: bedrockError,
}

export type Dialect = keyof typeof DIALECTS
