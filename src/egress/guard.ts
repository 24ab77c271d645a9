import ipaddr from 'ipaddr.js'
import { type Address, type Cidr, cidrContains } from '../kernel/address.ts'
import type { Reason } from '../kernel/reasons.ts'
import { classify, embeddedIpv4 } from './classify.ts'
import type { Own } from './own.ts'

/**
 * An address that may be dialled: the one that was judged. The class stays in
 * this file and its private field cannot be imitated, so nothing else makes one.
 */
class PinnedAddress {
  readonly #address: Address

  constructor(address: Address) {
    this.#address = address
  }

  get address(): Address {
    return this.#address
  }

  static has(value: object): boolean {
    return #address in value
  }
}

export type Pinned = PinnedAddress

export interface GuardPolicy {
  readonly allowedPrivateCidrs: readonly Cidr[]
  readonly nat64Prefixes: readonly Cidr[]
  readonly own: Own
}

export type Judgement =
  | {
      readonly ok: true
      readonly allowed: readonly Pinned[]
      readonly reason: 'tunnel' | 'private_allowlisted'
    }
  | { readonly ok: false; readonly refused: Reason; readonly address: Address }

/**
 * What an exemption can cover: plain ranges. Never IPv4 in disguise, metadata
 * services, multicast, or the forms that reach this machine sideways (0/8).
 */
const EXEMPTIBLE: ReadonlySet<Reason> = new Set<Reason>([
  'private',
  'cgnat',
  'loopback',
  'link_local',
  'ietf_protocol',
  'documentation',
  'benchmarking',
  'reserved',
  'ula',
  'not_global_unicast',
])

/**
 * Judges a whole answer, all of it: one forbidden address spoils the rest,
 * because an attacker who mixes the two is waiting for us to pick (rebinding).
 * `addresses` must not be empty.
 */
export function judge(addresses: readonly Address[], policy: GuardPolicy, port: number): Judgement {
  let reason: 'tunnel' | 'private_allowlisted' = 'tunnel'
  let bad: { readonly refused: Reason; readonly address: Address } | undefined
  let anyAllowed = false

  for (const address of addresses) {
    const verdict = judgeOne(address, policy, port)
    if ('allowed' in verdict) {
      anyAllowed = true
      if (verdict.allowed === 'private_allowlisted') reason = verdict.allowed
    } else if (bad === undefined || verdict.refused === 'self') {
      bad = { refused: verdict.refused, address }
    }
  }

  if (bad === undefined) return { ok: true, allowed: addresses.map(pin), reason }
  const mixed = anyAllowed && bad.refused !== 'self'
  return { ok: false, refused: mixed ? 'mixed_answer' : bad.refused, address: bad.address }
}

/**
 * Pins addresses of a destination that the operator configured by name: a
 * provider, the remote bridge, the upstream proxy. Private ranges are the
 * operator's business there; our own listeners are still refused.
 */
export function pinOperatorDestination(
  addresses: readonly Address[],
  own: Own,
  port: number,
): Judgement {
  const self = addresses.find(address => own(address, port))
  return self === undefined
    ? { ok: true, allowed: addresses.map(pin), reason: 'tunnel' }
    : { ok: false, refused: 'self', address: self }
}

/** The check at run time, for callers that the type checker has not seen. */
export function isPinned(value: object): value is Pinned {
  return PinnedAddress.has(value)
}

type Verdict = { readonly allowed: 'tunnel' | 'private_allowlisted' } | { readonly refused: Reason }

function judgeOne(address: Address, policy: GuardPolicy, port: number): Verdict {
  // SECURITY: own sockets before any exemption, or an exemption opens a loop.
  if (policy.own(address, port)) return { refused: 'self' }
  const gateways = policy.nat64Prefixes.filter(prefix => cidrContains(prefix, address))
  if (gateways.length > 0) {
    const verdicts = gateways.map(prefix => judgeEmbedded(address, prefix, policy, port))
    return verdicts.find(verdict => 'refused' in verdict) ?? { allowed: 'tunnel' }
  }

  const kind = classify(address)
  const exempt =
    kind !== 'global' &&
    EXEMPTIBLE.has(kind) &&
    policy.allowedPrivateCidrs.some(cidr => cidrContains(cidr, address))
  return exempt ? { allowed: 'private_allowlisted' } : judgePublic(address)
}

/**
 * What a NAT64 gateway makes of an address. SECURITY: exemptions do not reach
 * through the gateway: it has its own view of private ranges.
 */
function judgeEmbedded(address: Address, prefix: Cidr, policy: GuardPolicy, port: number): Verdict {
  const inner = embeddedIpv4(address, prefix)
  if (inner === undefined) return { refused: 'nat64' }
  return policy.own(inner, port) ? { refused: 'self' } : judgePublic(inner)
}

/** Our table, and a second opinion from another library that can only refuse. */
function judgePublic(address: Address): Verdict {
  const kind = classify(address)
  if (kind !== 'global') return { refused: kind }
  if (ipaddr.fromByteArray([...address.bytes]).range() === 'unicast') return { allowed: 'tunnel' }
  return { refused: address.family === 4 ? 'ietf_protocol' : 'not_global_unicast' }
}

function pin(address: Address): Pinned {
  return new PinnedAddress(address)
}
