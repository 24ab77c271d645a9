/**
 * An IP address that has been parsed once. `bytes` (4 or 16) is what policy
 * looks at; `text` is the canonical spelling, the only one that is ever dialled
 * or written to a log.
 */
export interface Address {
  readonly family: 4 | 6
  readonly bytes: Uint8Array
  readonly text: string
}

/** A block of addresses; `text` is kept for messages to the operator. */
export interface Cidr {
  readonly family: 4 | 6
  readonly bytes: Uint8Array
  readonly bits: number
  readonly text: string
}

const OCTET = /^(?:0|[1-9][0-9]{0,2})$/
const GROUP = /^[0-9a-fA-F]{1,4}$/
/** The longest spelling, with an embedded IPv4 tail; longer text is not looked at. */
const MAX_LENGTH = 45

/**
 * Reads an address without brackets. IPv4: four plain decimal octets. IPv6:
 * RFC 4291 2.2, an embedded dotted tail included, no zone. Anything else is
 * `undefined`: the odd forms that `inet_aton` takes have no meaning here.
 */
export function parseAddress(text: string): Address | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const bytes = text.includes(':') ? ipv6Bytes(text) : ipv4Bytes(text)
  return bytes === undefined ? undefined : addressFromBytes(bytes)
}

/** The address of 4 or 16 bytes in network order; the bytes are not copied. */
export function addressFromBytes(bytes: Uint8Array): Address {
  return { family: bytes.length === 4 ? 4 : 6, bytes, text: formatAddress(bytes) }
}

/** Canonical text: dotted decimal, or RFC 5952 (a mapped address in hex, too). */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = groupsOf(bytes)
  const { start, length } = longestZeroRun(groups)
  const hex = (part: readonly number[]): string => part.map(group => group.toString(16)).join(':')
  // RFC 5952 4.2.2: a single zero group is written out.
  if (length < 2) return hex(groups)
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`
}

/** Whether the address lies in the block. Families never match each other. */
export function cidrContains(cidr: Cidr, address: Address): boolean {
  return cidr.family === address.family && samePrefix(cidr.bytes, address.bytes, cidr.bits)
}

/** Whether two blocks share an address. */
export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return a.family === b.family && samePrefix(a.bytes, b.bytes, Math.min(a.bits, b.bits))
}

/**
 * Reads `address/bits`. Strict: the address is canonical to parse, `bits` is a
 * plain number in range, and no bit beyond the prefix is set, because
 * `10.0.0.5/8` hardly means what it says.
 */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.lastIndexOf('/')
  const address = slash < 0 ? undefined : parseAddress(text.slice(0, slash))
  const digits = text.slice(slash + 1)
  if (address === undefined || !OCTET.test(digits)) return undefined

  const bits = Number(digits)
  if (bits > address.bytes.length * 8) return undefined
  const { family, bytes } = address
  const hostBits = bytes.some((byte, i) => (byte & ~prefixMask(bits, i)) !== 0)
  return hostBits ? undefined : { family, bytes, bits, text: `${address.text}/${bits}` }
}

function samePrefix(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  return a.every((byte, i) => ((byte ^ (b[i] ?? 0)) & prefixMask(bits, i)) === 0)
}

/** The bits of byte `index` that belong to a prefix of `bits`. */
function prefixMask(bits: number, index: number): number {
  const covered = Math.min(8, Math.max(0, bits - index * 8))
  return (0xff << (8 - covered)) & 0xff
}

function ipv4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every(part => OCTET.test(part))) return undefined
  const octets = parts.map(Number)
  return octets.every(octet => octet <= 255) ? Uint8Array.from(octets) : undefined
}

function ipv6Bytes(text: string): Uint8Array | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head = '', tail] = halves

  // A dotted tail is allowed in the last place only.
  const before = pieces(head, tail === undefined)
  const after = tail === undefined ? [] : pieces(tail, true)
  if (before === undefined || after === undefined) return undefined

  const missing = 16 - before.length - after.length
  // `::` stands for at least one group of zeros; without it all are there.
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined
  return Uint8Array.from([...before, ...zeros(missing), ...after])
}

/** The bytes of colon-separated groups; empty text is no groups. */
function pieces(text: string, mayEndDotted: boolean): number[] | undefined {
  if (text === '') return []
  const bytes: number[] = []
  const groups = text.split(':')
  for (const [i, group] of groups.entries()) {
    if (GROUP.test(group)) {
      const value = Number.parseInt(group, 16)
      bytes.push(value >> 8, value & 0xff)
      continue
    }
    const dotted = mayEndDotted && i === groups.length - 1 ? ipv4Bytes(group) : undefined
    if (dotted === undefined) return undefined
    bytes.push(...dotted)
  }
  return bytes
}

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0)
}

function groupsOf(bytes: Uint8Array): number[] {
  return Array.from({ length: 8 }, (_, i) => ((bytes[i * 2] ?? 0) << 8) | (bytes[i * 2 + 1] ?? 0))
}

/** RFC 5952 4.2.3: the longest run of zero groups, the first one if equal. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (const [i, group] of groups.entries()) {
    if (group !== 0) {
      start = i + 1
    } else if (i + 1 - start > best.length) {
      best = { start, length: i + 1 - start }
    }
  }
  return best
}
