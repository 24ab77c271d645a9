import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { judge } from '../../src/egress/guard.ts'
import { addressFromBytes, type Cidr } from '../../src/kernel/address.ts'
import { bytesOf, EDGES, isAllowedByModel, type ModelPolicy, value } from './address-model.ts'

const NAT64 = Uint8Array.from([0, 0x64, 0xff, 0x9b, ...Array.from({ length: 12 }, () => 0)])

const EDGE = fc.constantFrom(...EDGES)
const IPV4 = fc.uint8Array({ minLength: 4, maxLength: 4 })
const IPV6 = fc
  .tuple(fc.bigInt({ min: 0n, max: (1n << 125n) - 1n }), fc.boolean())
  .map(([n, isGlobal]) => bytesOf(isGlobal ? n | (1n << 125n) : n << 3n, 16))
const TRANSLATED = fc
  .oneof(IPV4, EDGE)
  .map(bytes => Uint8Array.from([...NAT64.slice(0, 12), ...bytes.slice(0, 4)]))
const ISATAP = fc
  .tuple(IPV6, fc.constantFrom(0, 2, 1), IPV4)
  .map(([bytes, bit, v4]) => Uint8Array.from([...bytes.slice(0, 8), bit, 0, 0x5e, 0xfe, ...v4]))
const ADDRESS = fc.oneof(EDGE, EDGE, IPV4, IPV6, TRANSLATED, ISATAP)
const BLOCK = fc
  .tuple(ADDRESS, fc.nat(128))
  .map(([bytes, bits]) => [bytes, bits % (bytes.length * 8 + 1)] as const)
const POLICY: fc.Arbitrary<ModelPolicy> = fc.record({
  exempt: fc.oneof(
    fc.constant([[new Uint8Array(4), 0] as const, [new Uint8Array(16), 0] as const]),
    fc.array(BLOCK, { maxLength: 3 }),
  ),
  nat64: fc.constantFrom([], [NAT64]),
  own: fc.array(ADDRESS, { maxLength: 2 }),
})

/** A block as the configuration would have it: no bits beyond its prefix. */
function cidr([bytes, bits]: readonly [Uint8Array, number]): Cidr {
  const shift = BigInt(bytes.length * 8 - bits)
  const prefix = bytesOf((value(bytes) >> shift) << shift, bytes.length)
  return { family: bytes.length === 4 ? 4 : 6, bytes: prefix, bits, text: '' }
}

function isAllowed(answer: readonly Uint8Array[], policy: ModelPolicy): boolean {
  const own = policy.own.map(bytes => addressFromBytes(bytes).text)
  const judged = judge(
    answer.map(addressFromBytes),
    {
      allowedPrivateCidrs: policy.exempt.map(cidr),
      nat64Prefixes: policy.nat64.map(prefix => cidr([prefix, 96])),
      own: address => own.includes(address.text),
    },
    443,
  )
  return judged.ok
}

describe('judge and a model of its own', () => {
  const everything: ModelPolicy = {
    exempt: [
      [new Uint8Array(4), 0],
      [new Uint8Array(16), 0],
    ],
    nat64: [],
    own: [],
  }
  const nothing: ModelPolicy = { exempt: [], nat64: [], own: [] }

  it('agree at every edge, with everything exempt and nothing', () => {
    for (const bytes of EDGES) {
      for (const policy of [everything, nothing]) {
        const { text } = addressFromBytes(bytes)
        assert.equal(isAllowed([bytes], policy), isAllowedByModel(bytes, policy), text)
      }
    }
  })

  it('agree on any answer under any policy: one address spoils the rest', () => {
    fc.assert(
      fc.property(fc.array(ADDRESS, { minLength: 1, maxLength: 4 }), POLICY, (answer, policy) => {
        const expected = answer.every(bytes => isAllowedByModel(bytes, policy))
        assert.equal(isAllowed(answer, policy), expected)
      }),
      { numRuns: 3000 },
    )
  })
})
