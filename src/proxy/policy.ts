import {
  type Cidr,
  cidrContains,
  cidrsOverlap,
  parseAddress,
  parseCidr,
} from '../kernel/address.ts'
import type { Verdict } from '../kernel/flow.ts'
import type { InterceptedHost } from '../kernel/provider.ts'
import type { Reason } from '../kernel/reasons.ts'
import { hostText, isLocalhostName, type Target } from '../kernel/target.ts'

/** What `decide` looks at; made once per configuration by `buildPolicy`. */
export interface Policy {
  readonly ports: ReadonlySet<number>
  /** Canonical host, or `host port` where one port only counts, to provider. */
  readonly intercepted: ReadonlyMap<string, string>
  /** Intercepted on some ports only; refused on the others. */
  readonly portBound: ReadonlySet<string>
  readonly denyIpLiterals: boolean
  /** An allowlisted range holds loopback addresses, so localhost names may pass. */
  readonly loopbackNames: boolean
}

export interface PolicySource {
  readonly allowedPorts: readonly number[]
  readonly providers: readonly {
    readonly name: string
    readonly hosts: readonly InterceptedHost[]
  }[]
  readonly allowedPrivateCidrs: readonly Cidr[]
  readonly denyIpLiterals: boolean
}

/**
 * Top-level and special-use names that mean this machine or its link: RFC 6762
 * (mDNS), RFC 8375 (home networks), RFC 7686 (Tor).
 */
const DENIED_DOMAINS = ['local', 'home.arpa', 'onion']

/** Names under which clouds hand out instance credentials. */
const METADATA_NAMES = [
  'metadata.google.internal',
  'metadata.goog',
  'instance-data.ec2.internal',
  'metadata.azure.internal',
  'metadata.tencentyun.com',
  'metadata.packet.net',
  'metadata.platformequinix.com',
]

const LOOPBACK = ['127.0.0.0/8', '::1/128'].flatMap(text => parseCidr(text) ?? [])

/**
 * Hosts of `providers` are compared in canonical form, IPv6 without brackets
 * (`hostText`). If two providers name one host the first wins.
 */
export function buildPolicy(source: PolicySource): Policy {
  const intercepted = new Map<string, string>()
  const portBound = new Set<string>()
  for (const provider of source.providers) {
    for (const { host, port } of provider.hosts) {
      const key = port === undefined ? host : portKey(host, port)
      if (!intercepted.has(key)) intercepted.set(key, provider.name)
      if (port !== undefined && !isLoopbackText(host)) portBound.add(host)
    }
  }
  return {
    ports: new Set(source.allowedPorts),
    intercepted,
    portBound,
    denyIpLiterals: source.denyIpLiterals,
    loopbackNames: source.allowedPrivateCidrs.some(cidr =>
      LOOPBACK.some(loopback => cidrsOverlap(cidr, loopback)),
    ),
  }
}

/**
 * What happens to a target, by its spelling alone: nothing is looked up. The
 * port comes first, so that an intercepted host is never tunnelled raw on any
 * port; interception comes before the names, so that an operator may intercept
 * a name that would otherwise be refused.
 */
export function decide(target: Target, policy: Policy): Verdict {
  if (!policy.ports.has(target.port)) return refuse('port_denied')

  const host = hostText(target.host)
  const provider =
    policy.intercepted.get(portKey(host, target.port)) ?? policy.intercepted.get(host)
  if (provider !== undefined) return { kind: 'intercept', provider, host }
  // SECURITY: raw on another port it would be a way around the interception.
  if (policy.portBound.has(host)) return refuse('port_denied')

  if (target.host.kind === 'address') {
    return policy.denyIpLiterals ? refuse('ip_literal') : { kind: 'tunnel' }
  }
  const reason = deniedName(target.host.name, policy)
  return reason === undefined ? { kind: 'tunnel' } : refuse(reason)
}

function deniedName(name: string, policy: Policy): Reason | undefined {
  if (isLocalhostName(name)) return policy.loopbackNames ? undefined : 'name_denied'
  if ([...DENIED_DOMAINS, ...METADATA_NAMES].some(domain => isWithin(name, domain))) {
    return 'name_denied'
  }
  // A single label goes through the resolver's search list: its meaning would
  // depend on the machine.
  return name.includes('.') ? undefined : 'name_not_fqdn'
}

function isWithin(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`)
}

/** Behind a loopback host there are many services; each port is one of its own. */
function isLoopbackText(host: string): boolean {
  const address = parseAddress(host)
  if (address === undefined) return isLocalhostName(host)
  return LOOPBACK.some(cidr => cidrContains(cidr, address))
}

/** A blank cannot occur in a host, so the two kinds of key never meet. */
function portKey(host: string, port: number): string {
  return `${host} ${port}`
}

function refuse(reason: Reason): Verdict {
  return { kind: 'refuse', reason }
}
