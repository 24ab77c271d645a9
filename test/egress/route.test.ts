import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createResolver } from '../../src/egress/resolve.ts'
import { routeTarget } from '../../src/egress/route.ts'
import type { Upstream } from '../../src/egress/upstream.ts'
import { type Cidr, parseCidr } from '../../src/kernel/address.ts'
import { parseAuthority } from '../../src/kernel/target.ts'

const never = new AbortController().signal
const cidrs = (...texts: string[]): Cidr[] => texts.flatMap(text => parseCidr(text) ?? [])
const unused = (): Promise<never> => Promise.reject(new Error('not in this test'))

function parse(authority: string) {
  const parsed = parseAuthority(authority)
  assert.ok(parsed.ok)
  return parsed.target
}

const upstream: Upstream = {
  isLocal: false,
  proxy: {
    protocol: 'http',
    target: parse('proxy.test:3128'),
    credentials: undefined,
    caPem: undefined,
  },
  open: unused,
  tunnel: unused,
  via: () => '',
  authorization: () => undefined,
}

interface World {
  readonly exempt?: Cidr[]
  readonly answers?: string[]
  readonly proxied?: boolean
  readonly localProxy?: boolean
  readonly upstreamResolves?: boolean
}

/** The addresses to dial, or `upstream`. */
async function route(authority: string, world: World = {}): Promise<string[] | 'upstream'> {
  const lookup = () =>
    world.answers === undefined
      ? unused()
      : Promise.resolve(world.answers.map(address => ({ address, family: 4 })))
  const leg = await routeTarget({ target: parse(authority), caller: 'ada' }, never, {
    resolve: createResolver({ timeoutMs: 1000, lookup }),
    guard: { allowedPrivateCidrs: world.exempt ?? [], nat64Prefixes: [], own: () => false },
    upstream: world.proxied ? { ...upstream, isLocal: world.localProxy ?? false } : undefined,
    upstreamResolves: world.upstreamResolves ?? false,
  })
  return leg.kind === 'upstream' ? 'upstream' : leg.pinned.map(({ address }) => address.text)
}

describe('routeTarget', () => {
  it('takes of localhost only what is allowlisted, without asking anybody', async () => {
    const exempt = cidrs('10.0.0.0/8', '127.0.0.1/32')
    assert.deepEqual(await route('localhost:443', { exempt }), ['127.0.0.1'])
    assert.deepEqual(await route('a.localhost:443', { exempt: cidrs('::1/128') }), ['::1'])
    await assert.rejects(route('localhost:443'), { reason: 'loopback' })
    await assert.rejects(route('localhost:443', { exempt: cidrs('127.9.0.0/16') }), {
      reason: 'loopback',
    })
  })

  it('reaches allowlisted loopback directly, where it is ours and not the proxy’s', async () => {
    const exempt = cidrs('127.0.0.0/8', '10.0.0.0/8')
    const options: World = { exempt, proxied: true, upstreamResolves: true }
    assert.deepEqual(await route('localhost:443', options), ['127.0.0.1'])
    assert.deepEqual(await route('127.0.0.9:443', options), ['127.0.0.9'])
    const answers = ['10.0.0.1', '127.0.0.9']
    assert.deepEqual(await route('a.example:443', { exempt, proxied: true, answers }), answers)
  })

  it('sends loopback through a proxy that is on this machine too', async () => {
    const options: World = { exempt: cidrs('127.0.0.0/8'), proxied: true, localProxy: true }
    assert.equal(await route('localhost:443', options), 'upstream')
    assert.equal(await route('127.0.0.9:443', options), 'upstream')
    await assert.rejects(route('localhost:443', { ...options, exempt: [] }), { reason: 'loopback' })
  })

  it('sends everything else through the proxy, judged first', async () => {
    const exempt = cidrs('10.0.0.0/8')
    assert.equal(await route('10.0.0.1:443', { exempt, proxied: true }), 'upstream')
    assert.equal(await route('8.8.8.8:443', { proxied: true }), 'upstream')
    await assert.rejects(route('10.0.0.1:443', { proxied: true }), { reason: 'private' })
    const hidden: World = { proxied: true, answers: ['169.254.169.254'] }
    await assert.rejects(route('a.example:443', hidden), { reason: 'metadata' })
  })

  it('leaves names, but never addresses, to a proxy that resolves', async () => {
    const options: World = { proxied: true, upstreamResolves: true }
    assert.equal(await route('a.example:443', options), 'upstream')
    await assert.rejects(route('10.0.0.1:443', options), { reason: 'private' })
    // Without a proxy the option says nothing.
    const direct: World = { upstreamResolves: true, answers: ['10.0.0.1'] }
    await assert.rejects(route('a.example:443', direct), { reason: 'private' })
  })
})
