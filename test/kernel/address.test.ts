import assert from 'node:assert/strict'
import { isIPv6 } from 'node:net'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import {
  addressFromBytes,
  type Cidr,
  cidrContains,
  cidrsOverlap,
  formatAddress,
  parseAddress,
  parseCidr,
} from '../../src/kernel/address.ts'

const cidr = (text: string): Cidr => {
  const parsed = parseCidr(text)
  assert.ok(parsed, text)
  return parsed
}
const text = (input: string): string | undefined => parseAddress(input)?.text

/** Bytes with many zeros, so that runs of zero groups are common. */
const sparse = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .chain(bytes =>
    fc
      .array(fc.boolean(), { minLength: 8, maxLength: 8 })
      .map(keep => bytes.map((byte, i) => (keep[i >> 1] ? byte : 0))),
  )

describe('parseAddress', () => {
  it('reads the spellings of RFC 4291 and writes those of RFC 5952', () => {
    for (const [input, canonical] of [
      ['192.0.2.1', '192.0.2.1'],
      ['::', '::'],
      ['1::', '1::'],
      ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
      ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
      ['2001:0db8::0001', '2001:db8::1'],
      ['0:0:1::', '0:0:1::'],
      ['::ffff:1.2.3.4', '::ffff:102:304'],
      ['1:2:3:4:5:6:7.8.9.10', '1:2:3:4:5:6:708:90a'],
      ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ] as const) {
      assert.equal(text(input), canonical, input)
    }
  })

  it('refuses everything else', () => {
    for (const input of [
      '',
      '1.2.3',
      '1.2.3.4.5',
      '01.2.3.4',
      '256.1.1.1',
      '1.2.3.4 ',
      '1.2.3.-4',
      '0x1.2.3.4',
      ':',
      ':::',
      '1:::2',
      '1::2::3',
      ':1',
      '1:',
      '12345::',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4:5:6:7:8::',
      '::1%lo',
      '[::1]',
      '1.2.3.4::',
      '::1.2.3',
      '::1.2.3.4:5',
      '1:2:3:4:5:6:7:1.2.3.4',
      `::${'0'.repeat(60)}1`,
    ]) {
      assert.equal(parseAddress(input), undefined, input)
    }
  })

  it('reads back what it writes, as another library does', () => {
    fc.assert(
      fc.property(fc.oneof(sparse, fc.uint8Array({ minLength: 4, maxLength: 4 })), bytes => {
        const canonical = formatAddress(bytes)
        assert.deepEqual([...(parseAddress(canonical)?.bytes ?? [])], [...bytes])
        assert.deepEqual(ipaddr.parse(canonical).toByteArray(), [...bytes])
      }),
      { numRuns: 2000 },
    )
  })

  it('never throws, and agrees with Node on what IPv6 is', () => {
    const pieces = fc.constantFrom(
      '0',
      '1',
      'ff',
      'abcd',
      'G',
      ':',
      '::',
      '.',
      '1.2.3.4',
      '%',
      '12345',
    )
    fc.assert(
      fc.property(
        fc.array(pieces, { maxLength: 16 }).map(parts => parts.join('')),
        input => {
          const parsed = parseAddress(input)
          if (!input.includes('%')) assert.equal(parsed?.family === 6, isIPv6(input))
        },
      ),
      { numRuns: 5000 },
    )
  })
})

describe('parseCidr', () => {
  it('reads blocks, and refuses host bits and loose numbers', () => {
    assert.equal(cidr('10.0.0.0/8').text, '10.0.0.0/8')
    assert.equal(cidr('FD00::/8').text, 'fd00::/8')
    assert.equal(cidr('0.0.0.0/0').bits, 0)
    for (const input of [
      '10.0.0.1/8',
      '10.0.0.0',
      '10.0.0.0/33',
      '10.0.0.0/08',
      '10/8',
      '::/129',
      '/8',
      '10.0.0.0/',
    ]) {
      assert.equal(parseCidr(input), undefined, input)
    }
  })

  it('contains the addresses of its prefix, bit by bit', () => {
    const mask = (bits: number): bigint => ((1n << BigInt(bits)) - 1n) << BigInt(128 - bits)
    const value = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
    const near = fc.tuple(
      sparse,
      fc.integer({ min: 0, max: 127 }),
      fc.integer({ min: 0, max: 128 }),
    )
    fc.assert(
      fc.property(near, ([bytes, flipped, bits]) => {
        const other = Uint8Array.from(bytes)
        other[flipped >> 3] = (other[flipped >> 3] ?? 0) ^ (0x80 >> (flipped & 7))
        const block: Cidr = { family: 6, bytes, bits, text: '' }
        const expected = (value(bytes) & mask(bits)) === (value(other) & mask(bits))
        assert.equal(cidrContains(block, addressFromBytes(other)), expected)
      }),
    )
  })

  it('does not mix families', () => {
    const four = parseAddress('10.0.0.1')
    assert.ok(four)
    assert.equal(cidrContains(cidr('::/0'), four), false)
    assert.equal(cidrContains(cidr('0.0.0.0/0'), four), true)
  })

  it('sees when two blocks overlap', () => {
    assert.equal(cidrsOverlap(cidr('127.0.0.0/8'), cidr('127.0.0.1/32')), true)
    assert.equal(cidrsOverlap(cidr('127.0.0.1/32'), cidr('0.0.0.0/0')), true)
    assert.equal(cidrsOverlap(cidr('127.0.0.0/8'), cidr('10.0.0.0/8')), false)
    assert.equal(cidrsOverlap(cidr('0.0.0.0/0'), cidr('::/0')), false)
  })
})
