import { malformed, type ReasonRow } from './row.ts'

/** What is wrong with a request before anybody knows where it wants to go. */
export const REQUEST_REASONS = {
  host_grammar: malformed(
    'The host is not a valid name or address.',
    'The host part of the target breaks the grammar: escapes, control or non-ASCII characters, bad labels, bad brackets.',
  ),
  port_grammar: malformed(
    'The port is not a number from 1 to 65535.',
    'The port has signs, blanks, leading zeros, letters, or is out of range.',
  ),
  port_missing: malformed('The target has no port.', 'CONNECT needs `host:port`.'),
  authority_form: malformed(
    'The target must be host:port.',
    'CONNECT was given a URL, a path or `*`.',
  ),
  userinfo: malformed('The target must not contain credentials.', 'The target holds an `@`.'),
  trailing_dot: malformed(
    'The host must not end with a dot.',
    'A trailing dot would be a second spelling of the same host.',
  ),
  zone_id: malformed('The address must not contain a zone.', 'An IPv6 zone id (`%eth0`).'),
  ipv4_noncanonical: malformed(
    'The IPv4 address is not in its plain form.',
    'Octal, hexadecimal, short or overlong IPv4 spellings.',
  ),
  request_malformed: malformed(
    'The request could not be understood.',
    'The bytes are not HTTP, or break its framing rules.',
  ),
  connect_with_body: malformed(
    'CONNECT must not announce a body.',
    'Content-Length or Transfer-Encoding on CONNECT.',
  ),
  host_conflict: malformed(
    'The request has contradicting Host headers.',
    'More than one Host header, or one that contradicts an absolute-form target.',
  ),
  scheme_unsupported: malformed(
    'Only http:// is proxied this way; use CONNECT for TLS.',
    'An absolute-form target with another scheme than `http`.',
  ),
  origin_form: malformed(
    'This is a proxy; send CONNECT or an absolute http:// target.',
    'A request that is not a proxy request arrived at the proxy port.',
  ),
  request_target: malformed(
    'The request target must be a path.',
    'Inside an intercepted connection, and behind the name of a base-URL route, stands a path that starts with one slash and has no fragment.',
  ),
  dot_segment: malformed(
    'The path must not contain dot segments.',
    "A path that would leave the provider's base path, plainly or escaped.",
  ),
  token_in_target: malformed(
    'The URL must not hold a token of this proxy: send it in a header.',
    'A token of ours, whoever has it, in the path or query of a call: it would stand in the logs of others.',
  ),
  framing: malformed(
    'The message framing is ambiguous.',
    'Transfer-Encoding other than `chunked`, or in HTTP/1.0; a length with leading zeros or beyond a petabyte; an upgrade with a body. Levers for request smuggling.',
  ),
  method_not_allowed: {
    status: 405,
    text: 'The method is not allowed here.',
    level: 'info',
    doc: 'TRACE, CONNECT inside an intercepted connection, or a method in lower case.',
  },
  expectation_failed: {
    status: 417,
    text: 'The expectation cannot be met.',
    level: 'info',
    doc: 'An `Expect` header that asks for anything but `100-continue`.',
  },
  head_timeout: {
    status: 408,
    text: 'The request head took too long.',
    level: 'info',
    doc: 'The head did not arrive within the limit.',
  },
  head_too_large: {
    status: 431,
    text: 'The request head is too large.',
    level: 'info',
    doc: 'Too many header fields or bytes.',
  },
  auth_missing: {
    status: 407,
    text: 'Proxy authentication is required.',
    level: 'info',
    doc: 'No Proxy-Authorization. Clients that only answer a challenge retry after it.',
  },
  auth_invalid: {
    status: 407,
    text: 'The proxy credentials are not valid.',
    level: 'warn',
    doc: 'Malformed, unknown, revoked or expired token.',
  },
  auth_unavailable: {
    status: 503,
    text: 'Credentials cannot be checked at the moment.',
    level: 'error',
    doc: 'The token store or the deployment cannot be asked.',
  },
} as const satisfies Record<string, ReasonRow>
