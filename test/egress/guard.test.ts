import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isPinned, judge, pinOperatorDestination } from '../../src/egress/guard.ts'
import { createOwn, type Own } from '../../src/egress/own.ts'
import { type Address, type Cidr, parseAddress, parseCidr } from '../../src/kernel/address.ts'

const addresses = (...texts: string[]): Address[] => texts.flatMap(text => parseAddress(text) ?? [])
const cidrs = (...texts: string[]): Cidr[] => texts.flatMap(text => parseCidr(text) ?? [])
const nobody: Own = () => false
const everything = cidrs('0.0.0.0/0', '::/0')

function verdict(texts: string[], exempt: Cidr[] = [], nat64: Cidr[] = [], own = nobody): string {
  const policy = { allowedPrivateCidrs: exempt, nat64Prefixes: nat64, own }
  const judged = judge(addresses(...texts), policy, 443)
  return judged.ok ? judged.reason : judged.refused
}

describe('judge', () => {
  it('refuses the whole answer when a forbidden address hides at its end', () => {
    const publicOnes = Array.from({ length: 64 }, (_, i) => `93.184.216.${i + 1}`)
    assert.equal(verdict(publicOnes), 'tunnel')
    assert.equal(verdict([...publicOnes, '10.0.0.5']), 'mixed_answer')
  })

  it('judges four thousand addresses without stalling', () => {
    const many = Array.from({ length: 4000 }, (_, i) => `93.184.${i >> 8}.${i & 255}`)
    const own = createOwn(() => [{ host: '0.0.0.0', port: 443 }])
    const before = process.threadCpuUsage()
    assert.equal(verdict(many, [], [], own), 'tunnel')
    assert.ok(process.threadCpuUsage(before).user < 500_000, 'microseconds of CPU')
  })

  it('pins exactly what it judged', () => {
    const judged = judge(
      addresses('93.184.216.34', '2606:4700::1'),
      { allowedPrivateCidrs: [], nat64Prefixes: [], own: nobody },
      443,
    )
    assert.ok(judged.ok)
    assert.deepEqual(
      judged.allowed.map(pin => pin.address.text),
      ['93.184.216.34', '2606:4700::1'],
    )
    assert.ok(judged.allowed.every(isPinned))
    assert.equal(isPinned({ address: judged.allowed[0]?.address }), false)
  })

  it('lets an exemption cover plain ranges and nothing else', () => {
    for (const text of ['10.0.0.1', '127.0.0.1', '100.64.0.1', 'fd00::1', '::1', '192.0.2.1']) {
      assert.equal(verdict([text], everything), 'private_allowlisted', text)
    }
    for (const [text, reason] of [
      ['169.254.169.254', 'metadata'],
      ['168.63.129.16', 'metadata'],
      ['fd00:ec2::254', 'metadata'],
      ['0.0.0.0', 'this_network'],
      ['::', 'unspecified'],
      ['224.0.0.1', 'multicast'],
      ['ff02::1', 'multicast'],
      ['255.255.255.255', 'broadcast'],
      ['::ffff:10.0.0.1', 'v4_mapped'],
      ['::10.0.0.1', 'v4_compatible'],
      ['64:ff9b::a00:1', 'nat64'],
      ['64:ff9b:1::a00:1', 'nat64_local'],
      ['2002:a00:1::', '6to4'],
      ['2001::a00:1', 'teredo'],
      ['fd00::5efe:a00:1', 'isatap'],
    ] as const) {
      assert.equal(verdict([text], everything), reason, text)
    }
  })

  it('unwraps a configured NAT64 prefix, and exempts nothing behind it', () => {
    const nat64 = cidrs('64:ff9b::/96')
    assert.equal(verdict(['64:ff9b::808:808'], [], nat64), 'tunnel')
    assert.equal(verdict(['64:ff9b::7f00:1'], [], nat64), 'loopback')
    assert.equal(verdict(['2001:db8:808:808:100::'], [], cidrs('2001:db8::/32')), 'nat64')
    assert.equal(verdict(['64:ff9b::a00:1'], everything, nat64), 'private')
    // One address in two prefixes: which of the gateways it is meant for nobody knows.
    const twice = cidrs('2001:db8::/32', '2001:db8:808:808::/96')
    assert.equal(verdict(['2001:db8:808:808::7f00:1'], [], twice), 'loopback')
    assert.equal(verdict(['2001:db8:808:808::101:101'], [], twice), 'tunnel')
    const own = createOwn(() => [{ host: '93.184.216.34', port: 443 }])
    assert.equal(verdict(['64:ff9b::5db8:d822'], [], nat64, own), 'self')
  })

  it('takes the second opinion of the address library', () => {
    // AMT and AS112 are anycast services that nobody tunnels to.
    assert.equal(verdict(['192.52.193.1']), 'ietf_protocol')
    assert.equal(verdict(['2620:4f:8000::1']), 'not_global_unicast')
  })

  it('names own listeners first, in mixed and in exempted answers', () => {
    const own = createOwn(() => [{ host: '127.0.0.1', port: 443 }])
    assert.equal(verdict(['127.0.0.1'], everything, [], own), 'self')
    assert.equal(verdict(['10.0.0.1', '8.8.8.8', '127.0.0.1'], [], [], own), 'self')
  })
})

describe('createOwn', () => {
  const interfaces = () => ['203.0.114.7', 'fd00::7']
  const owns = (host: string, text: string, port = 443): boolean => {
    const own = createOwn(() => [{ host, port: 443 }], interfaces)
    return addresses(text).some(address => own(address, port))
  }

  it('takes a wildcard bind for every local address, in both families', () => {
    for (const host of ['0.0.0.0', '::', 'localhost']) {
      assert.equal(owns(host, '203.0.114.7'), true, host)
      assert.equal(owns(host, 'fd00::7'), true, host)
      assert.equal(owns(host, '127.9.9.9'), true, host)
      assert.equal(owns(host, '::1'), true, host)
      assert.equal(owns(host, '203.0.114.8'), false, host)
      assert.equal(owns(host, '127.0.0.1', 444), false, host)
    }
  })

  it('takes a bind to one address for that address only', () => {
    assert.equal(owns('127.0.0.1', '127.0.0.1'), true)
    assert.equal(owns('127.0.0.1', '127.0.0.2'), false)
    assert.equal(owns('0:0::7', '::7'), true)
  })

  it('finds the addresses of this machine by itself', () => {
    const own = createOwn(() => [{ host: '::', port: 443 }])
    assert.ok(addresses('127.0.0.1').every(address => own(address, 443)))
  })
})

describe('pinOperatorDestination', () => {
  it('allows private addresses but never an own listener', () => {
    const allowed = pinOperatorDestination(addresses('10.0.0.1', '::1'), nobody, 443)
    assert.ok(allowed.ok && allowed.allowed.every(isPinned))
    assert.equal(allowed.reason, 'tunnel')
    const own = createOwn(() => [{ host: '127.0.0.1', port: 443 }])
    const refused = pinOperatorDestination(addresses('10.0.0.1', '127.0.0.1'), own, 443)
    assert.ok(!refused.ok)
    assert.equal(refused.refused, 'self')
  })
})
