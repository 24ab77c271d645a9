import { type Address, parseAddress } from './address.ts'
import type { Reason } from './reasons.ts'
import type { Secret } from './secret.ts'

export type Host =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'address'; readonly address: Address }

/**
 * Where somebody wants to go, parsed once; nothing downstream sees the string
 * that it came from. `text` is the canonical `host:port` for logs and for an
 * upstream proxy's CONNECT line.
 */
export interface Target {
  readonly host: Host
  readonly port: number
  readonly text: string
}

/** A destination that the operator configured: a provider, the remote bridge. */
export interface Origin {
  readonly protocol: 'http' | 'https'
  readonly target: Target
}

/** The corporate proxy that every leg goes through when it is configured. */
export interface UpstreamProxy extends Origin {
  /** `user:password`, decoded from the URL. */
  readonly credentials: Secret | undefined
  /** PEM of the CA that signed the proxy's certificate, for `https` proxies. */
  readonly caPem: string | undefined
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** `host:port`, or the host alone, with brackets around an IPv6 address (RFC 3986 3.2.2). */
export function addressText(host: string, port?: number): string {
  const text = host.includes(':') ? `[${host}]` : host
  return port === undefined ? text : `${text}:${port}`
}

interface Rejected {
  readonly ok: false
  readonly reason: Reason
}

export type ParsedTarget = { readonly ok: true; readonly target: Target } | Rejected
export type ParsedHost = { readonly ok: true; readonly host: Host } | Rejected

const MAX_NAME = 253
/** RFC 1123 letters, digits and hyphens, and the underscore that DNS has in the wild. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/
const PORT = /^[1-9][0-9]{0,4}$/
/** WHATWG URL 3.5 "ends in a number": a resolver takes such a name for IPv4. */
const NUMERIC_LABEL = /^(?:[0-9]+|0x[0-9a-f]*)$/
/** RFC 3986 2.2, and the backslash that browsers take for a slash. */
const URL_DELIMITER = /[/?#\\]/

/**
 * Parses the authority of a CONNECT (RFC 9112 3.2.3), `host:port`, both
 * required. `text` is what Node's HTTP parser gives: one character per byte,
 * any byte. Nothing is normalised but ASCII case: every other second spelling
 * is a chance for two layers to disagree, so it is refused.
 */
export function parseAuthority(text: string): ParsedTarget {
  return parseHostPort(text, undefined)
}

/**
 * Parses a Host header or the authority of an absolute-form target (RFC 9110
 * 7.2): the port may be absent, then it is `defaultPort`. An empty port
 * (`host:`) is refused.
 */
export function parseHostHeader(text: string, defaultPort: number): ParsedTarget {
  return parseHostPort(text, defaultPort)
}

/** Parses a host without a port: a name, dotted IPv4, or IPv6 in brackets. */
export function parseHost(text: string): ParsedHost {
  const form = wrongForm(text)
  if (form !== undefined) return reject(form)
  return text.startsWith('[') ? parseBracketed(text) : parseNameOrIpv4(text)
}

/** The target of parts that are already parsed. `port` must be 1 to 65535. */
export function makeTarget(host: Host, port: number): Target {
  return { host, port, text: `${hostForUrl(host)}:${port}` }
}

/** The canonical host by itself, IPv6 without brackets: the key to compare by. */
export function hostText(host: Host): string {
  return host.kind === 'name' ? host.name : host.address.text
}

/** The canonical host as it stands in a URL or a Host header, IPv6 in brackets. */
export function hostForUrl(host: Host): string {
  return addressText(hostText(host))
}

/** The Host header for an origin: without the port that its scheme implies. */
export function hostHeader({ protocol, target: { text, port } }: Origin): string {
  const standard = protocol === 'https' ? 443 : 80
  return port === standard ? text.slice(0, text.lastIndexOf(':')) : text
}

/** RFC 6761 6.3: these names are loopback, and no resolver is ever asked. */
export function isLocalhostName(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost')
}

/** Whether a host is this machine's loopback, by its spelling alone. */
export function isLoopbackHost(host: Host): boolean {
  if (host.kind === 'name') return isLocalhostName(host.name)
  if (host.address.family === 4) return host.address.bytes[0] === 127
  return host.address.text === '::1'
}

function parseHostPort(text: string, defaultPort: number | undefined): ParsedTarget {
  const form = wrongForm(text)
  if (form !== undefined) return reject(form)

  const { hostPart, portPart } = splitPort(text)
  const host = parseHost(hostPart)
  if (!host.ok) return host
  if (portPart === undefined && defaultPort !== undefined) {
    return { ok: true, target: makeTarget(host.host, defaultPort) }
  }
  if (portPart === undefined || portPart === '') return reject('port_missing')

  const port = PORT.test(portPart) ? Number(portPart) : 0
  if (port < 1 || port > 65535) return reject('port_grammar')
  return { ok: true, target: makeTarget(host.host, port) }
}

/** Texts that are another kind of request target altogether. */
function wrongForm(text: string): Reason | undefined {
  if (text === '*' || URL_DELIMITER.test(text)) return 'authority_form'
  return text.includes('@') ? 'userinfo' : undefined
}

/**
 * The last colon outside brackets separates the port, so that a host with
 * colons of its own (IPv6 without brackets) fails as a host.
 */
function splitPort(text: string): { hostPart: string; portPart: string | undefined } {
  const colon = text.lastIndexOf(':')
  if (colon < 0 || colon < text.lastIndexOf(']')) return { hostPart: text, portPart: undefined }
  return { hostPart: text.slice(0, colon), portPart: text.slice(colon + 1) }
}

function parseBracketed(text: string): ParsedHost {
  if (!text.endsWith(']')) return reject('host_grammar')
  const inner = text.slice(1, -1)
  const zone = inner.indexOf('%')
  const address = parseAddress(zone < 0 ? inner : inner.slice(0, zone))
  if (address?.family !== 6) return reject('host_grammar')
  return zone < 0 ? { ok: true, host: { kind: 'address', address } } : reject('zone_id')
}

function parseNameOrIpv4(text: string): ParsedHost {
  const dotted = text.endsWith('.')
  const name = (dotted ? text.slice(0, -1) : text).replace(/[A-Z]/g, letter => letter.toLowerCase())
  const labels = name.split('.')
  if (name.length > MAX_NAME || !labels.every(label => LABEL.test(label))) {
    return reject('host_grammar')
  }
  if (dotted) return reject('trailing_dot')
  if (!NUMERIC_LABEL.test(labels.at(-1) ?? '')) return { ok: true, host: { kind: 'name', name } }

  const address = parseAddress(name)
  return address === undefined
    ? reject('ipv4_noncanonical')
    : { ok: true, host: { kind: 'address', address } }
}

function reject(reason: Reason): Rejected {
  return { ok: false, reason }
}
