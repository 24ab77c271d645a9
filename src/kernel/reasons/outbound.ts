import { type ReasonRow } from './row.ts'

/** Destinations that could not be reached, and limits of our own. */
export const OUTBOUND_REASONS = {
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
  too_many_tool_calls: {
    status: 502,
    text: 'The model went on calling tools without an answer.',
    level: 'warn',
    doc: 'An answer took more than 25 rounds of calls to tools of `mcp_servers_file`, or more than 100 calls.',
  },
  ca_expired: {
    status: 503,
    text: 'The interception CA is expired.',
    level: 'error',
    doc: 'No leaf can be minted until the CA is replaced.',
  },
  accounting_unavailable: {
    status: 503,
    text: 'Calls cannot be recorded at the moment.',
    level: 'error',
    doc: 'The books cannot be written (disk full, read-only, locked), and calls are not let through unrecorded.',
  },
  bridge_unreachable: {
    status: 502,
    text: 'The AI bridge behind this proxy could not be reached.',
    level: 'error',
    doc: 'Remote mode: lookup, connection or upstream-proxy failure on the way to the deployment.',
  },
  bridge_tls: {
    status: 502,
    text: 'The certificate of the AI bridge behind this proxy could not be verified.',
    level: 'error',
    doc: "Remote mode: the deployment's TLS identity is not valid; no byte of the request was sent.",
  },
  bridge_broken: {
    status: 502,
    text: 'The AI bridge behind this proxy broke off before it answered.',
    level: 'error',
    doc: 'Remote mode: the connection to the deployment ended, or its answer was not HTTP.',
  },
  bridge_loop: {
    status: 508,
    text: 'The AI bridge behind this proxy leads back to it.',
    level: 'error',
    doc: 'Remote mode: a call came back to the daemon that had handed it on, or went through more than 20 proxies. The access URLs of two instances point at each other.',
  },
  bridge_timeout: {
    status: 504,
    text: 'The AI bridge behind this proxy did not answer in time.',
    level: 'error',
    doc: 'Remote mode: connect or first-byte limit.',
  },
  overloaded: {
    status: 503,
    text: 'The proxy is at its limits; try again in a moment.',
    level: 'warn',
    doc: 'The process-wide limit of connections, memory or open files; or too many requests sent ahead on one connection.',
  },
  too_many_connections: {
    status: 429,
    text: 'You have too many open connections or calls.',
    level: 'warn',
    doc: 'The per-caller connection limit. Of calls that share a connection each beyond the first counts as one.',
  },
  too_many_calls: {
    status: 503,
    text: 'The proxy is at its limit of calls.',
    level: 'warn',
    doc: '`max_concurrency`: calls in flight in this daemon.',
  },
  too_many_tunnels: {
    status: 429,
    text: 'You have too many open tunnels.',
    level: 'warn',
    doc: 'The per-caller tunnel limit.',
  },
  gave_way: {
    status: 503,
    text: 'The connection gave way to newer ones.',
    level: 'warn',
    doc: 'Too many connections had not said who they are; the oldest is closed without an answer.',
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
} as const satisfies Record<string, ReasonRow>
