/**
 * Every way in which we say no, in one table. A reason is the stable code that
 * clients, logs, metrics and documentation share; its row carries all the faces
 * of it. The public text never holds an address, a name or an internal error:
 * those go to the operator as the event's `detail`.
 */
export interface ReasonRow {
  readonly status: number
  readonly text: string
  /** What the operator's log calls it: the client's mistake, policy, or trouble. */
  readonly level: 'info' | 'warn' | 'error'
  readonly doc: string
}

const malformed = (text: string, doc: string): ReasonRow => ({
  status: 400,
  text,
  level: 'info',
  doc,
})
const blocked = (doc: string): ReasonRow => ({
  status: 403,
  text: 'The destination address is not allowed.',
  level: 'warn',
  doc,
})
const denied = (text: string, doc: string): ReasonRow => ({ status: 403, text, level: 'warn', doc })

export const REASONS = {
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
    'Inside an intercepted connection the target must be a path that starts with one slash.',
  ),
  dot_segment: malformed(
    'The path must not contain dot segments.',
    "A path that would leave the provider's base path, plainly or escaped.",
  ),
  framing: malformed(
    'The message framing is ambiguous.',
    'Transfer-Encoding other than `chunked`, or in HTTP/1.0; a lever for request smuggling.',
  ),
  method_not_allowed: {
    status: 405,
    text: 'The method is not allowed here.',
    level: 'info',
    doc: 'TRACE, or CONNECT inside an intercepted connection.',
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

  port_denied: denied(
    'The destination port is not allowed.',
    'The port is not in the list of allowed CONNECT ports.',
  ),
  name_denied: denied(
    'The destination name is not allowed.',
    'Loopback, link-local and metadata names, refused before any lookup.',
  ),
  name_not_fqdn: denied(
    'The destination must be a fully qualified name.',
    'A name without a dot, which would resolve through a search list.',
  ),
  ip_literal: denied(
    'IP addresses are not allowed as destination.',
    'The operator refuses IP literals.',
  ),

  plain_http_denied: denied(
    'This host is only served over https://.',
    'An absolute-form http:// request to an intercepted host.',
  ),

  this_network: blocked('0.0.0.0/8, which reaches local listeners.'),
  private: blocked('RFC 1918 ranges.'),
  cgnat: blocked('100.64.0.0/10, shared address space (RFC 6598).'),
  metadata: blocked('Addresses of cloud metadata services.'),
  loopback: blocked('127.0.0.0/8 and ::1.'),
  link_local: blocked('169.254.0.0/16 and fe80::/10.'),
  ietf_protocol: blocked('192.0.0.0/24, 192.88.99.0/24 and 2001::/23 protocol assignments.'),
  documentation: blocked('Documentation ranges.'),
  benchmarking: blocked('198.18.0.0/15 (RFC 2544).'),
  multicast: blocked('224.0.0.0/4 and ff00::/8.'),
  reserved: blocked('240.0.0.0/4.'),
  broadcast: blocked('255.255.255.255.'),
  unspecified: blocked('The unspecified IPv6 address.'),
  v4_mapped: blocked('::ffff:0:0/96, an IPv4 address in IPv6 form.'),
  v4_compatible: blocked('::/96, an IPv4 address in IPv6 form.'),
  nat64: blocked('64:ff9b::/96 or another NAT64 prefix that is not configured.'),
  nat64_local: blocked('64:ff9b:1::/48, local NAT64.'),
  teredo: blocked('2001::/32, an IPv4 address in IPv6 form.'),
  '6to4': blocked('2002::/16, an IPv4 address in IPv6 form.'),
  isatap: blocked('An ISATAP interface identifier, an IPv4 address in IPv6 form.'),
  ula: blocked('fc00::/7, unique local addresses.'),
  not_global_unicast: blocked('IPv6 outside 2000::/3, or a special-purpose block inside it.'),
  mixed_answer: blocked(
    'One name, both allowed and forbidden addresses: the mark of a rebinding attack.',
  ),
  self: blocked("One of this daemon's own listeners."),

  dns_not_found: {
    status: 502,
    text: 'The destination name does not resolve.',
    level: 'info',
    doc: 'The resolver knows no such name.',
  },
  dns_failed: {
    status: 502,
    text: 'The destination name could not be resolved.',
    level: 'warn',
    doc: 'The resolver failed.',
  },
  dns_timeout: {
    status: 504,
    text: 'Resolving the destination name took too long.',
    level: 'warn',
    doc: 'No answer from the resolver within the limit.',
  },
  connect_failed: {
    status: 502,
    text: 'The destination could not be reached.',
    level: 'info',
    doc: 'Refused, reset or unreachable.',
  },
  connect_timeout: {
    status: 504,
    text: 'The destination did not answer in time.',
    level: 'info',
    doc: 'No connection within the limit.',
  },
  upstream_proxy_failed: {
    status: 502,
    text: 'The upstream proxy could not be used.',
    level: 'error',
    doc: 'The upstream proxy is unreachable, its certificate is not trusted, or it answered something that is not HTTP.',
  },
  upstream_proxy_refused: {
    status: 502,
    text: 'The upstream proxy refused the destination.',
    level: 'warn',
    doc: 'The upstream proxy answered CONNECT with an error status.',
  },
  upstream_proxy_timeout: {
    status: 504,
    text: 'The upstream proxy did not answer in time.',
    level: 'error',
    doc: 'No answer from the upstream proxy within the limit.',
  },

  ca_expired: {
    status: 503,
    text: 'The interception CA is expired.',
    level: 'error',
    doc: 'No leaf can be minted until the CA is replaced.',
  },
  overloaded: {
    status: 503,
    text: 'The proxy is at its limit of connections.',
    level: 'warn',
    doc: 'The process-wide connection limit.',
  },
  too_many_connections: {
    status: 429,
    text: 'You have too many open connections.',
    level: 'warn',
    doc: 'The per-caller connection limit.',
  },
  draining: {
    status: 503,
    text: 'The proxy is shutting down.',
    level: 'info',
    doc: 'A request that arrived while the daemon drains.',
  },
  internal: {
    status: 500,
    text: 'Internal error.',
    level: 'error',
    doc: 'A fault of ours. The log has it.',
  },

  target_mismatch: {
    status: 421,
    text: 'The request names another host than the connection.',
    level: 'warn',
    doc: 'Inner Host or SNI contradicts the CONNECT target.',
  },
  no_credential: {
    status: 401,
    text: 'No provider credential: configure a central key for this provider, or send your own.',
    level: 'warn',
    doc: 'A listed path, no central key, and the client sent none of its own.',
  },
  byok_disabled: {
    status: 403,
    text: 'Bring-your-own-key is switched off, and this provider takes no central key.',
    level: 'warn',
    doc: '`copilot` and `chatgpt` with `allow_byok=false`.',
  },
  route_not_supported: {
    status: 404,
    text: 'This path is not served.',
    level: 'info',
    doc: 'An unlisted path while pass-through is limited to listed ones.',
  },
  provider_unreachable: {
    status: 502,
    text: 'The AI provider could not be reached.',
    level: 'error',
    doc: 'Lookup, connection or upstream-proxy failure on the way to the provider.',
  },
  provider_tls: {
    status: 502,
    text: "The AI provider's certificate could not be verified.",
    level: 'error',
    doc: "The provider's TLS identity is not valid; no byte of the request was sent.",
  },
  provider_broken: {
    status: 502,
    text: 'The AI provider broke off before it answered.',
    level: 'error',
    doc: 'The connection ended, or the answer was not HTTP.',
  },
  provider_timeout: {
    status: 504,
    text: 'The AI provider did not answer in time.',
    level: 'error',
    doc: 'Connect or first-byte limit.',
  },
} as const satisfies Record<string, ReasonRow>

export type Reason = keyof typeof REASONS

/** The reason for bytes that Node's HTTP parser refused, by its error code. */
export function unparsedReason(code: string | undefined): Reason {
  if (code === 'HPE_HEADER_OVERFLOW') return 'head_too_large'
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'head_timeout' : 'request_malformed'
}
