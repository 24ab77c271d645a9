import type { ProviderType } from '../kernel/provider.ts'
import { REASONS, type Reason } from '../kernel/reasons.ts'
import { PASSING } from './error-reply.ts'
import { DIALECTS, type Dialect } from './providers/dialects.ts'
import { PROVIDER_TYPES } from './providers/registry.ts'

/** Every reason for which a call is answered in its provider's dialect. */
const OF_CALLS = [
  'dot_segment',
  'token_in_target',
  'route_not_supported',
  'token_revoked',
  'no_credential',
  'byok_disabled',
  'provider_denied',
  'model_denied',
  'model_unknown',
  'body_unreadable',
  'request_malformed',
  'request_too_large',
  'body_timeout',
  'too_many_uploads',
  'rate_limited',
  'budget_exhausted',
  'too_many_calls',
  'too_many_tool_calls',
  'overloaded',
  'accounting_unavailable',
  'circuit_open',
  'provider_credentials',
  'provider_unreachable',
  'provider_tls',
  'provider_broken',
  'provider_timeout',
  'bridge_unreachable',
  'bridge_tls',
  'bridge_broken',
  'bridge_timeout',
  'bridge_loop',
  'internal',
] as const satisfies readonly Reason[]

/** The same for base-URL routes, where no CONNECT has asked before. */
const OF_BASE_URLS = [
  'token_required',
  'token_invalid',
  'auth_unavailable',
  'method_not_allowed',
  'framing',
  'too_many_connections',
  'draining',
  'provider_gone',
] as const satisfies readonly Reason[]

const TITLES: Readonly<Record<Dialect, string>> = {
  anthropic: 'Anthropic',
  openai: 'OpenAI',
  google: 'Google',
  bedrock: 'Bedrock',
}

const NAMES = ['anthropic', 'openai', 'google', 'bedrock'] as const satisfies readonly Dialect[]

/** One situation in one dialect. */
export interface ErrorRow {
  readonly reason: Reason
  readonly dialect: Dialect
  readonly status: number
  readonly saysWhen: boolean
  /** What the dialect's clients tell errors apart by. */
  readonly marks: string
}

export function errorRows(): readonly ErrorRow[] {
  return [...OF_CALLS, ...OF_BASE_URLS].flatMap(reason =>
    NAMES.map(dialect => {
      const { status } = REASONS[reason]
      const marks = marksOf(DIALECTS[dialect](status, '', reason))
      return { reason, dialect, status, saysWhen: PASSING.includes(status), marks }
    }),
  )
}

/** The dialect in which a type of provider says no. */
export function dialectOf(type: ProviderType): Dialect | undefined {
  const [status, message, code] = [400, 'text', 'code'] as const
  const body = type.errorBody(status, message, code)
  return NAMES.find(name => DIALECTS[name](status, message, code) === body)
}

/** `type` of Anthropic, OpenAI and Bedrock with OpenAI's `code`, `status` of Google. */
export function marksOf(body: string): string {
  const { error } = JSON.parse(body)
  const marks: unknown[] = [error.type ?? error.status, error.type === error.code ? '' : error.code]
  return marks.filter(mark => typeof mark === 'string' && mark !== '').join(', ')
}

/** `docs/reference/errors.md`. */
export function errorsReference(): string {
  const types = (name: Dialect): string =>
    PROVIDER_TYPES.filter(type => dialectOf(type) === name)
      .map(({ type }) => `\`${type}\``)
      .join(', ')
  return `# Errors

<!-- Made from the tables in src/bridge and src/kernel/reasons: \`npm run docs\`. Edit there. -->

What a client gets when a call does not go well, by who says no. Texts and log levels of the codes are in [reason codes](reasons.md).

## This daemon, about a call

JSON in the dialect of the provider that was called, with the code in the header \`X-Aibridge-Reason\`; \`Retry-After\` where the table says so. The table has what clients tell errors apart by: \`type\` and, of OpenAI's, \`code\`; Google's \`status\`. ${NAMES.map(name => `${TITLES[name]}: ${types(name)}.`).join(' ')}

An upgrade to WebSocket is refused with 426 and the same body, without \`Retry-After\`: agents take that for "use HTTP instead" and meet the status there.

${table(OF_CALLS)}

On base-URL routes also, where no CONNECT was refused before:

${table(OF_BASE_URLS)}

## The provider

Its answer goes back byte for byte, status, headers and body, \`Retry-After\` too. What else it leads to:

| the provider | the client gets | with several central keys | the circuit breaker, if on |
|---|---|---|---|
| 429 | that answer | the next key is tried; this one rests for its \`Retry-After\` | not counted |
| 401 | that answer | the next key is tried; this one is out until a probe succeeds | not counted |
| 403 | that answer | the next key is tried; this one is out if that is served | not counted |
| another 4xx | that answer | nothing | not counted |
| 503, 529 | that answer | nothing | counted for all callers |
| another 5xx of \`circuit_breaker_failure_statuses\` | that answer | nothing | counted for the caller, and for all when several meet it in turn |
| no connection | 502 \`provider_unreachable\` or \`provider_tls\`, 504 \`provider_timeout\` | nothing | counted for all callers |
| ends before the head of its answer | 502 \`provider_broken\` | nothing | as another 5xx |
| silent beyond \`first_byte_timeout\` | 504 \`provider_timeout\` | nothing | as another 5xx |
| breaks off, or silent beyond \`stream_idle_timeout\`, in the middle of an answer | what there was, and a connection that breaks: never a valid end | nothing | as another 5xx |

A key is changed only before a byte of an answer has reached the client, and for requests of up to 8 MiB. What the client itself causes, by leaving, not sending or not reading, is not counted.

## This daemon, about a connection

CONNECT, plain \`http://\` requests, and requests inside an intercepted connection that cannot be understood or name another host: \`text/plain\`, one line \`code: text\`, the code in \`X-Aibridge-Reason\`, and the connection ends. Every status is in [reason codes](reasons.md). 407 carries \`Proxy-Authenticate\`, 429 and 503 carry \`Retry-After: 1\`.
`
}

function table(reasons: readonly Reason[]): string {
  const rows = errorRows()
  const lines = reasons.map(reason => {
    const when = PASSING.includes(REASONS[reason].status) ? 'yes' : 'no'
    const marks = rows.filter(row => row.reason === reason).map(row => `\`${row.marks}\``)
    return `| \`${reason}\` | ${REASONS[reason].status} | ${when} | ${marks.join(' | ')} |`
  })
  return `| code | status | Retry-After | ${NAMES.map(name => TITLES[name]).join(' | ')} |
|---|---|---|${NAMES.map(() => '---|').join('')}
${lines.join('\n')}`
}
