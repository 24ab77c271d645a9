/**
 * Address space as ranges of numbers: written to agree with `egress/classify.ts`
 * and `egress/guard.ts`, and sharing nothing with them.
 */
type Range = readonly [bigint, bigint]

/** First and last address of what must not be reached, written out as numbers. */
export const V4_SPECIAL: readonly Range[] = [
  [0x00000000n, 0x00ffffffn],
  [0x0a000000n, 0x0affffffn],
  [0x64400000n, 0x647fffffn],
  [0x7f000000n, 0x7fffffffn],
  [0xa83f8110n, 0xa83f8110n],
  [0xa9fe0000n, 0xa9feffffn],
  [0xac100000n, 0xac1fffffn],
  [0xc0000000n, 0xc00000ffn],
  [0xc0000200n, 0xc00002ffn],
  [0xc0586300n, 0xc05863ffn],
  [0xc0a80000n, 0xc0a8ffffn],
  [0xc6120000n, 0xc613ffffn],
  [0xc6336400n, 0xc63364ffn],
  [0xcb007100n, 0xcb0071ffn],
  [0xe0000000n, 0xffffffffn],
]
/** A block of IPv6, by its leading bits. */
export const top = (groups: bigint, bits: bigint): Range => [
  groups << (128n - bits),
  ((groups + 1n) << (128n - bits)) - 1n,
]
/** Inside 2000::/3; everything outside is special. */
export const V6_SPECIAL: readonly Range[] = [
  top(0x2001n << 7n, 23n),
  top(0x20010db8n, 32n),
  top(0x2002n, 16n),
  top(0x3fff0n, 20n),
]

export const value = (bytes: Uint8Array): bigint =>
  BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
export const bytesOf = (number: bigint, length: number): Uint8Array =>
  Uint8Array.from(Buffer.from(number.toString(16).padStart(length * 2, '0'), 'hex'))

/** Whether anybody may be led there. */
export function isPublicByModel(bytes: Uint8Array): boolean {
  const number = value(bytes)
  if (bytes.length === 4) return !V4_SPECIAL.some(([from, to]) => from <= number && number <= to)
  const inGlobal = number >> 125n === 1n
  const tail = (number >> 32n) & 0xffffffffn
  const isatap = tail === 0x5efen || tail === 0x02005efen
  return inGlobal && !isatap && !V6_SPECIAL.some(([from, to]) => from <= number && number <= to)
}

/** Special, and yet the operator may open it: nothing that hides IPv4, serves metadata or reaches many. */
const V4_NEVER: readonly Range[] = [
  [0x00000000n, 0x00ffffffn],
  [0x6460_0060n, 0x6460_0060n],
  [0x6464_64c8n, 0x6464_64c8n],
  [0xa83f8110n, 0xa83f8110n],
  [0xa9fe0017n, 0xa9fe0017n],
  [0xa9fe2a2an, 0xa9fe2a2an],
  [0xa9fea9fcn, 0xa9fea9fcn],
  [0xa9fea9fen, 0xa9fea9fen],
  [0xa9feaa02n, 0xa9feaa02n],
  [0xa9feaa17n, 0xa9feaa17n],
  [0xc00000c0n, 0xc00000c0n],
  [0xe0000000n, 0xefffffffn],
  [0xffffffffn, 0xffffffffn],
]
const one = (high: bigint, low: bigint): Range => [(high << 64n) | low, (high << 64n) | low]
const V6_NEVER: readonly Range[] = [
  one(0n, 0n),
  [2n, 0xffffffffn],
  top(0xffffn, 96n),
  top(0x64ff9bn << 64n, 96n),
  top(0x64ff9b0001n, 48n),
  one(0xfd00_0ec2_0000_0000n, 0x254n),
  one(0xfd00_0ec2_0000_0000n, 0x23n),
  one(0xfd20_00ce_0000_0000n, 0x254n),
  one(0xfd00_0042_0000_0000n, 0x42n),
  one(0xfd00_00c1_0000_0000n, 0xa9fe_a9fen),
  one(0xfd00_a9fe_a9fe_0000n, 1n),
  one(0xfd00_0100_0000_0000n, 0x0100_0200n),
  top(0x20010000n, 32n),
  top(0x2002n, 16n),
  top(0xffn, 8n),
]
/** AMT and AS112: public anycast services, which the address library calls special. */
const V4_SERVICES: readonly Range[] = [
  [0xc01fc400n, 0xc01fc4ffn],
  [0xc034c100n, 0xc034c1ffn],
  [0xc0af3000n, 0xc0af30ffn],
]
const V6_SERVICES: readonly Range[] = [top(0x2620004f8000n, 48n)]

const within = (ranges: readonly Range[], number: bigint): boolean =>
  ranges.some(([from, to]) => from <= number && number <= to)

/** Whether an exemption can open what is not public. */
function isExemptibleByModel(bytes: Uint8Array): boolean {
  const number = value(bytes)
  if (bytes.length === 4) return !isPublicByModel(bytes) && !within(V4_NEVER, number)
  const tail = (number >> 32n) & 0xffffffffn
  const isatap = tail === 0x5efen || tail === 0x02005efen
  return !isPublicByModel(bytes) && !isatap && !within(V6_NEVER, number)
}

export interface ModelPolicy {
  /** Prefixes as bytes and their number of bits. */
  readonly exempt: readonly (readonly [Uint8Array, number])[]
  /** Of /96: the last four bytes are the address that is meant. */
  readonly nat64: readonly Uint8Array[]
  readonly own: readonly Uint8Array[]
}

/** Whether one address of an answer may be dialled. */
export function isAllowedByModel(bytes: Uint8Array, policy: ModelPolicy): boolean {
  const isOwn = (some: Uint8Array): boolean =>
    policy.own.some(own => own.length === some.length && value(own) === value(some))
  if (isOwn(bytes)) return false
  const isPublic = (some: Uint8Array): boolean =>
    isPublicByModel(some) && !within(some.length === 4 ? V4_SERVICES : V6_SERVICES, value(some))
  const gateway = policy.nat64.some(
    prefix => bytes.length === 16 && value(prefix) >> 32n === value(bytes) >> 32n,
  )
  if (gateway) return !isOwn(bytes.slice(12)) && isPublic(bytes.slice(12))
  const shift = (bits: number): bigint => BigInt(bytes.length * 8 - bits)
  const isExempt = policy.exempt.some(
    ([prefix, bits]) =>
      prefix.length === bytes.length &&
      value(prefix) >> shift(bits) === value(bytes) >> shift(bits),
  )
  return isPublic(bytes) || (isExempt && isExemptibleByModel(bytes))
}

/** Every range's own edges and their neighbours, in both families. */
export const EDGES: readonly Uint8Array[] = [
  ...edgesOf([...V4_SPECIAL, ...V4_NEVER, ...V4_SERVICES], 4),
  ...edgesOf([...V6_SPECIAL, ...V6_NEVER, ...V6_SERVICES, top(1n, 3n), one(0n, 1n)], 16),
]

function edgesOf(ranges: readonly Range[], length: 4 | 16): Uint8Array[] {
  const numbers = ranges.flatMap(([from, to]) => [from - 1n, from, to, to + 1n])
  const end = 1n << BigInt(length * 8)
  return numbers.filter(n => n >= 0n && n < end).map(n => bytesOf(n, length))
}
