import {
  type Address,
  addressFromBytes,
  type Cidr,
  cidrContains,
  parseCidr,
} from '../kernel/address.ts'
import type { Reason } from '../kernel/reasons.ts'

interface Block {
  readonly cidr: Cidr
  readonly reason: Reason
}

/**
 * What is not ordinary public address space. The first match counts. IANA
 * special-purpose registries (RFC 6890 and updates) and the addresses at which
 * clouds serve instance metadata. The blocks of the registries that are public
 * anycast services (AS112, AMT) are not here: the second opinion in `guard` refuses them.
 */
const IPV4 = [
  // AWS, GCP, Azure, OpenStack; AWS ECS and EKS; Scaleway; Tencent; GKE.
  ...blocks('metadata', '169.254.169.254/32', '169.254.170.2/32', '169.254.170.23/32'),
  ...blocks('metadata', '169.254.42.42/32', '169.254.0.23/32', '169.254.169.252/32'),
  // Alibaba; Volcano Engine; Oracle; Azure's wire server, which looks like any public address.
  ...blocks('metadata', '100.100.100.200/32', '100.96.0.96/32'),
  ...blocks('metadata', '192.0.0.192/32', '168.63.129.16/32'),
  ...blocks('this_network', '0.0.0.0/8'),
  ...blocks('private', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'),
  ...blocks('cgnat', '100.64.0.0/10'),
  ...blocks('loopback', '127.0.0.0/8'),
  ...blocks('link_local', '169.254.0.0/16'),
  ...blocks('ietf_protocol', '192.0.0.0/24', '192.88.99.0/24'),
  ...blocks('documentation', '192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'),
  ...blocks('benchmarking', '198.18.0.0/15'),
  ...blocks('multicast', '224.0.0.0/4'),
  ...blocks('broadcast', '255.255.255.255/32'),
  ...blocks('reserved', '240.0.0.0/4'),
]

const IPV6 = [
  // AWS (instance metadata, EKS pod identity); GCP; Scaleway; Oracle; Akamai; Alibaba.
  ...blocks('metadata', 'fd00:ec2::254/128', 'fd00:ec2::23/128'),
  ...blocks('metadata', 'fd20:ce::254/128', 'fd00:42::42/128', 'fd00:c1::a9fe:a9fe/128'),
  ...blocks('metadata', 'fd00:a9fe:a9fe::1/128', 'fd00:100::100:200/128'),
  ...blocks('unspecified', '::/128'),
  ...blocks('loopback', '::1/128'),
  ...blocks('v4_mapped', '::ffff:0:0/96'),
  ...blocks('v4_compatible', '::/96'),
  ...blocks('nat64', '64:ff9b::/96'),
  ...blocks('nat64_local', '64:ff9b:1::/48'),
  ...blocks('multicast', 'ff00::/8'),
]

const IPV6_AFTER_ISATAP = [
  ...blocks('ula', 'fc00::/7'),
  ...blocks('link_local', 'fe80::/10'),
  ...blocks('teredo', '2001::/32'),
  ...blocks('documentation', '2001:db8::/32', '3fff::/20'),
  ...blocks('ietf_protocol', '2001::/23'),
  ...blocks('6to4', '2002::/16'),
]

const [GLOBAL_UNICAST] = blocks('not_global_unicast', '2000::/3')

/** Where RFC 6052 2.2 puts the IPv4 octets, by prefix length. */
const NAT64_OCTETS: Readonly<Record<number, readonly [number, number, number, number]>> = {
  32: [4, 5, 6, 7],
  40: [5, 6, 7, 9],
  48: [6, 7, 9, 10],
  56: [7, 9, 10, 11],
  64: [9, 10, 11, 12],
  96: [12, 13, 14, 15],
}

/**
 * The kind of an address. The rule is positive: `global` is what is left over
 * after every special purpose, and in IPv6 only 2000::/3 can be left over.
 * Forms that embed an IPv4 address are refused as forms, whatever is in them.
 */
export function classify(address: Address): 'global' | Reason {
  if (address.family === 4) return match(IPV4, address) ?? 'global'
  const early = match(IPV6, address)
  if (early !== undefined) return early
  // SECURITY: before the unique local range, or an exemption of a block in that
  // range would cover IPv4 addresses in disguise.
  if (isIsatap(address.bytes)) return 'isatap'
  const late = match(IPV6_AFTER_ISATAP, address)
  if (late !== undefined) return late
  return GLOBAL_UNICAST !== undefined && cidrContains(GLOBAL_UNICAST.cidr, address)
    ? 'global'
    : 'not_global_unicast'
}

/**
 * The IPv4 address that a NAT64 gateway of this prefix would reach (RFC 6052
 * 2.2), or undefined if the address has no such reading.
 */
export function embeddedIpv4(address: Address, prefix: Cidr): Address | undefined {
  const octets = NAT64_OCTETS[prefix.bits]
  if (octets === undefined || !cidrContains(prefix, address)) return undefined
  // Bits 64 to 71 are zero in every form but the longest.
  if (prefix.bits < 96 && address.bytes[8] !== 0) return undefined
  return addressFromBytes(Uint8Array.from(octets, i => address.bytes[i] ?? 0))
}

/** RFC 5214 6.1: interface identifier ::5efe:a.b.c.d, with or without the u bit. */
function isIsatap(bytes: Uint8Array): boolean {
  return (
    ((bytes[8] ?? 0) & 0xfd) === 0 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe
  )
}

function match(table: readonly Block[], address: Address): Reason | undefined {
  return table.find(block => cidrContains(block.cidr, address))?.reason
}

function blocks(reason: Reason, ...texts: readonly string[]): Block[] {
  return texts.map(text => {
    const cidr = parseCidr(text)
    if (cidr === undefined) throw new TypeError(`not a block: ${text}`)
    return { cidr, reason }
  })
}
