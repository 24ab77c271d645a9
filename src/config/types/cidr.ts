import { type Cidr, cidrsOverlap, parseAddress, parseCidr } from '../../kernel/address.ts'
import type { ValueType } from '../option.ts'
import { type Parsed, parsed, quote, unparsable } from '../parsed.ts'
import { splitList } from './list.ts'

/** Prefix lengths of RFC 6052 2.2. */
const NAT64_BITS = [32, 40, 48, 56, 64, 96]

/** IPv4-mapped and the old IPv4-compatible addresses (RFC 4291 2.5.5), and translated ones (RFC 2765). */
const IPV4_FORMS = ['::ffff:0:0/96', '::/96', '::ffff:0:0:0/96'].flatMap(
  text => parseCidr(text) ?? [],
)

/** Ranges that are let through although they are private. */
export const privateCidrs = cidrList('invalid allowed private CIDR', cidr => cidr)

/** NAT64 prefixes of the network that the daemon runs in. */
export const nat64Prefixes = cidrList('invalid NAT64 prefix', cidr => {
  if (cidr.family === 6 && NAT64_BITS.includes(cidr.bits)) return cidr
  return `a NAT64 prefix is IPv6 with one of the lengths ${NAT64_BITS.join(', ')} (RFC 6052)`
})

function cidrList(
  complaint: string,
  accept: (cidr: Cidr) => Cidr | string,
): ValueType<readonly Cidr[]> {
  return {
    label: 'CIDR list',
    list: true,
    parse(text) {
      const cidrs: Cidr[] = []
      const problems: string[] = []
      for (const entry of splitList(text)) {
        const cidr = readCidr(entry)
        const accepted = cidr.ok ? accept(cidr.value) : cidr.problem
        if (typeof accepted === 'string') problems.push(`${complaint} ${quote(entry)}: ${accepted}`)
        else cidrs.push(accepted)
      }
      return problems.length > 0 ? unparsable(problems.join('; ')) : parsed(cidrs)
    },
    format: cidrs => cidrs.map(cidr => cidr.text).join(','),
    json: cidrs => (cidrs ?? []).map(cidr => cidr.text),
  }
}

/**
 * One block in its only spelling.
 *
 * SECURITY: every leniency here is a hole in the private-range filter. A block
 * with host bits, a short form or a mapped form means something else to each
 * reader, and `/0` switches the filter off.
 */
function readCidr(text: string): Parsed<Cidr> {
  const [, addressPart, bitsPart] = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? []
  if (addressPart === undefined) {
    const bare = parseAddress(text)
    if (bare === undefined) return unparsable('write it as address/length, for example 10.0.0.0/8')
    return unparsable(
      `a single address needs its length: ${bare.text}/${bare.family === 4 ? 32 : 128}`,
    )
  }
  const address = parseAddress(addressPart)
  if (address === undefined) {
    return unparsable('the address is not in its full form, for example 10.0.0.0/8 or fd00::/8')
  }
  const bits = Number(bitsPart)
  if (bits > address.bytes.length * 8) {
    return unparsable(`the length is at most ${address.bytes.length * 8}`)
  }
  if (bits === 0) return unparsable('it covers every address: list the ranges that are meant')
  const cidr = parseCidr(text)
  if (cidr === undefined) {
    return unparsable(`bits are set behind the /${bits}: clear them or use a longer length`)
  }
  if (cidr.text !== '::1/128' && IPV4_FORMS.some(form => cidrsOverlap(form, cidr))) {
    return unparsable('it covers IPv4 addresses in IPv6 form: write the IPv4 block itself')
  }
  return parsed(cidr)
}
