import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { classify, embeddedIpv4 } from '../../src/egress/classify.ts'
import { addressFromBytes, parseAddress, parseCidr } from '../../src/kernel/address.ts'
import { bytesOf, isPublicByModel, top, V4_SPECIAL, V6_SPECIAL } from './address-model.ts'

const address = (text: string) => {
  const parsed = parseAddress(text)
  assert.ok(parsed, text)
  return parsed
}
const kind = (text: string): string => classify(address(text))

describe('classify', () => {
  it('agrees with a model of its own at random and at every edge', () => {
    const v4Edges = V4_SPECIAL.flatMap(([from, to]) => [from - 1n, from, to, to + 1n])
    const v6Edges = [...V6_SPECIAL, top(1n, 3n)].flatMap(([from, to]) => [
      from - 1n,
      from,
      to,
      to + 1n,
    ])
    for (const edge of v4Edges.filter(n => n >= 0n && n < 1n << 32n)) {
      const bytes = bytesOf(edge, 4)
      assert.equal(
        classify(addressFromBytes(bytes)) === 'global',
        isPublicByModel(bytes),
        bytes.join('.'),
      )
    }
    for (const edge of v6Edges) {
      const bytes = bytesOf(edge, 16)
      assert.equal(
        classify(addressFromBytes(bytes)) === 'global',
        isPublicByModel(bytes),
        edge.toString(16),
      )
    }

    const v4 = fc.uint8Array({ minLength: 4, maxLength: 4 })
    const global6 = fc
      .bigInt({ min: 0n, max: (1n << 125n) - 1n })
      .map(n => bytesOf(n | (1n << 125n), 16))
    const low2001 = fc
      .bigInt({ min: 0n, max: (1n << 112n) - 1n })
      .map(n => bytesOf(n | (0x2001n << 112n), 16))
    const isatap = fc
      .tuple(global6, fc.constantFrom(0, 2, 1), fc.constantFrom(0xfe, 0xff))
      .map(([bytes, u, last]) =>
        Uint8Array.from([...bytes.slice(0, 8), u, 0, 0x5e, last, 1, 2, 3, 4]),
      )
    const any6 = fc.uint8Array({ minLength: 16, maxLength: 16 })
    fc.assert(
      fc.property(fc.oneof(v4, any6, global6, low2001, isatap), bytes => {
        assert.equal(classify(addressFromBytes(bytes)) === 'global', isPublicByModel(bytes))
      }),
      { numRuns: 5000 },
    )
  })

  it('names metadata services, public-looking ones included', () => {
    for (const text of [
      '169.254.169.254',
      '169.254.170.2',
      '169.254.42.42',
      '169.254.0.23',
      '100.100.100.200',
      '192.0.0.192',
      '168.63.129.16',
      'fd00:ec2::254',
      'fd20:ce::254',
      'fd00:c1::a9fe:a9fe',
      'fd00:a9fe:a9fe::1',
      'fd00:100::100:200',
      '100.96.0.96',
      '169.254.169.252',
    ]) {
      assert.equal(kind(text), 'metadata', text)
    }
  })

  it('keeps the neighbours of metadata services apart', () => {
    for (const text of ['169.254.169.253', '169.254.169.255', '169.254.170.3', '169.254.170.22']) {
      assert.equal(kind(text), 'link_local', text)
    }
    assert.equal(kind('100.100.100.201'), 'cgnat')
    assert.equal(kind('192.0.0.193'), 'ietf_protocol')
    assert.equal(kind('168.63.129.17'), 'global')
    for (const text of ['fd20:ce::255', 'fd00:42::43', 'fd00:ec2::255', 'fd00:ec2::22']) {
      assert.equal(kind(text), 'ula', text)
    }
    assert.equal(kind('2001:1::1'), 'ietf_protocol')
  })

  it('sees ISATAP in every prefix', () => {
    assert.equal(kind('fd00::5efe:a00:1'), 'isatap')
    assert.equal(kind('fe80::200:5efe:a00:1'), 'isatap')
    assert.equal(kind('2606:4700::5efe:808:808'), 'isatap')
  })

  it('has nothing left over for IPv4 in IPv6 form', () => {
    assert.equal(kind('::ffff:0:808:808'), 'not_global_unicast')
    assert.equal(kind('::ffff:8.8.8.8'), 'v4_mapped')
    assert.equal(kind('fec0::1'), 'not_global_unicast')
    assert.equal(kind('100::1'), 'not_global_unicast')
    assert.equal(kind('5f00::1'), 'not_global_unicast')
    assert.equal(kind('3fff:fff:ffff::1'), 'documentation')
  })
})

describe('embeddedIpv4', () => {
  // RFC 6052 2.4.
  for (const [prefix, embedded] of [
    ['2001:db8::/32', '2001:db8:c000:221::'],
    ['2001:db8:100::/40', '2001:db8:1c0:2:21::'],
    ['2001:db8:122::/48', '2001:db8:122:c000:2:2100::'],
    ['2001:db8:122:300::/56', '2001:db8:122:3c0:0:221::'],
    ['2001:db8:122:344::/64', '2001:db8:122:344:c0:2:2100::'],
    ['2001:db8:122:344::/96', '2001:db8:122:344::192.0.2.33'],
    ['64:ff9b::/96', '64:ff9b::192.0.2.33'],
  ] as const) {
    it(`reads the example of ${prefix}`, () => {
      const cidr = parseCidr(prefix)
      assert.ok(cidr)
      assert.equal(embeddedIpv4(address(embedded), cidr)?.text, '192.0.2.33')
    })
  }

  it('gives nothing for other lengths, other prefixes and set reserved bits', () => {
    const odd = parseCidr('2001:db8::/33')
    const wide = parseCidr('2001:db8::/32')
    assert.ok(odd && wide)
    assert.equal(embeddedIpv4(address('2001:db8::1'), odd), undefined)
    assert.equal(embeddedIpv4(address('2001:db9::1'), wide), undefined)
    assert.equal(embeddedIpv4(address('2001:db8:c000:221:100::'), wide), undefined)
  })
})
