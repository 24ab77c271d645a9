import { headerPairs, type RawHeaders } from '../../kernel/headers.ts'
import type { Reason } from '../../kernel/reasons.ts'
import type { RequestHead } from '../../kernel/request-head.ts'

interface HeadLimits {
  readonly headBytes: number
  readonly headCount: number
}

/**
 * The head of a stream as HTTP/1.1 would have it, so that nobody behind notices
 * the difference: `:authority` is Host (RFC 9113 8.3.1), crumbs of cookies are
 * one header again (8.2.3), and a body without a length is chunked. Or what is
 * wrong with it; names, methods and lengths were checked by the parser.
 */
export function readHead(
  raw: RawHeaders,
  hasBody: boolean,
  limits: HeadLimits,
): RequestHead | Reason {
  const pseudo = new Map<string, string>()
  const headers: string[] = []
  let cookieAt: number | undefined
  let bytes = 0
  for (const [name, value] of headerPairs(raw)) {
    bytes += name.length + value.length
    if (name.startsWith(':')) pseudo.set(name, value)
    else if (name !== 'cookie') headers.push(name, value)
    else if (cookieAt === undefined) cookieAt = headers.push(name, value) - 1
    else headers[cookieAt] += `; ${value}`
  }
  if (bytes > limits.headBytes || headers.length > limits.headCount * 2) return 'head_too_large'
  if ((pseudo.get(':scheme') ?? 'https') !== 'https') return 'request_malformed'
  if (hasBlankEnds(headers)) return 'request_malformed'
  return {
    version: '2',
    method: pseudo.get(':method') ?? '',
    path: pseudo.get(':path') ?? '',
    headers: [
      ...hostOf(pseudo.get(':authority'), headers),
      ...headers,
      ...framing(headers, hasBody),
    ],
  }
}

/** RFC 9113 8.2.1: a blank at either end of a value makes the message malformed. */
function hasBlankEnds(headers: readonly string[]): boolean {
  return headers.some(text => /^[\t ]|[\t ]$/.test(text))
}

/** A Host header beside it must say the same, byte for byte; two stay two, and are refused. */
function hostOf(authority: string | undefined, headers: string[]): string[] {
  const at = headers.findIndex((text, i) => i % 2 === 0 && text === 'host')
  if (authority === undefined || (at >= 0 && headers[at + 1] === authority)) return []
  return ['Host', authority]
}

function framing(headers: readonly string[], hasBody: boolean): string[] {
  const hasLength = headers.some((text, i) => i % 2 === 0 && text === 'content-length')
  return hasBody && !hasLength ? ['Transfer-Encoding', 'chunked'] : []
}
