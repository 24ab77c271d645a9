import type { ValueType } from '../option.ts'
import { parsed, quote, unparsable } from '../parsed.ts'

/** Headers that authenticate, frame or route a message, that clients need, or that are Coder's own. */
const RESERVED = new Set([
  'accept',
  'accept-encoding',
  'anthropic-beta',
  'anthropic-version',
  'api-key',
  'authorization',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'keep-alive',
  'openai-beta',
  'openai-organization',
  'openai-project',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'via',
  'x-api-key',
  'x-auth-token',
  'x-goog-api-key',
])

const RESERVED_PREFIXES = ['coder-', 'x-coder-', 'x-forwarded-', 'x-amz-', 'sec-', ':']

/** The name of a header of our own making (RFC 9110 5.6.2). */
export const headerName: ValueType<string> = {
  label: 'header name',
  list: false,
  parse(text) {
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/i.test(text)) {
      return unparsable(
        `${quote(text)} is not a header name: use letters, digits and hyphens, at most 100`,
      )
    }
    const name = text.toLowerCase()
    if (RESERVED.has(name) || RESERVED_PREFIXES.some(prefix => name.startsWith(prefix))) {
      return unparsable(`${quote(text)} is reserved: choose another header name`)
    }
    return parsed(text)
  },
  format: value => value,
  json: value => value ?? '',
}
