import assert from 'node:assert/strict'
import type { LookupAddress } from 'node:dns'
import { Socket } from 'node:net'
import { describe, it } from 'node:test'
import type { Dial } from '../../src/egress/dial.ts'
import { createOpen } from '../../src/egress/open.ts'
import { createOwn } from '../../src/egress/own.ts'
import { createResolver } from '../../src/egress/resolve.ts'
import type { Upstream } from '../../src/egress/upstream.ts'
import { type Cidr, cidrContains, parseAddress, parseCidr } from '../../src/kernel/address.ts'
import { Refusal } from '../../src/kernel/error.ts'
import { REASONS, type Reason } from '../../src/kernel/reasons.ts'
import { parseAuthority, parseHostHeader, type Target } from '../../src/kernel/target.ts'
import { buildPolicy, decide } from '../../src/proxy/policy.ts'
import { CORPUS, type CorpusConfig, type CorpusEntry, wireOf } from '../support/ssrf-corpus.ts'

interface Outcome {
  status: number
  reason: string
  lookups: number
  dialled: string[]
  tunnelled: string[]
}

const isReason = (text: string): text is Reason => Object.hasOwn(REASONS, text)
const cidrs = (texts: readonly string[]): Cidr[] =>
  texts.map(text => {
    const cidr = parseCidr(text)
    assert.ok(cidr, text)
    return cidr
  })

async function run(entry: CorpusEntry): Promise<Outcome> {
  const outcome: Outcome = { status: 200, reason: '', lookups: 0, dialled: [], tunnelled: [] }
  const refuse = (reason: Reason): Outcome => ({
    ...outcome,
    status: REASONS[reason].status,
    reason,
  })

  const parsed = parseAuthority(wireOf(entry))
  if (!parsed.ok) return refuse(parsed.reason)

  const config: CorpusConfig = { ...CORPUS.meta.defaults, ...entry.config }
  const verdict = decide(
    parsed.target,
    buildPolicy({
      allowedPorts: config.allowed_ports,
      providers: [
        { name: 'ai', hosts: config.mitm_hosts.map(host => ({ host, port: undefined })) },
      ],
      allowedPrivateCidrs: cidrs(config.allowed_private_cidrs),
      denyIpLiterals: config.deny_ip_literals,
    }),
  )
  if (verdict.kind === 'refuse') return refuse(verdict.reason)
  if (verdict.kind === 'intercept') return { ...outcome, reason: 'mitm_host' }

  try {
    await openStubbed(entry, config, parsed.target, outcome)
  } catch (error) {
    assert.ok(error instanceof Refusal, String(error))
    return refuse(error.reason)
  }
  return outcome
}

/** The real resolver, judge and opener; only the last inch of both is a stub. */
async function openStubbed(
  entry: CorpusEntry,
  config: CorpusConfig,
  target: Target,
  outcome: Outcome,
): Promise<void> {
  const lookup = (): Promise<LookupAddress[]> => {
    const answer = entry.dns?.[outcome.lookups++] ?? {}
    return Promise.resolve([
      ...(answer.A ?? []).map(address => ({ address, family: 4 })),
      ...(answer.AAAA ?? []).map(address => ({ address, family: 6 })),
    ])
  }
  const dial: Dial = (pinned, port) => {
    assert.equal(port, target.port)
    outcome.dialled.push(...pinned.map(({ address }) => address.text))
    return Promise.resolve(new Socket())
  }
  const upstream: Upstream = {
    isLocal: false,
    proxy: {
      protocol: 'http',
      target: { ...target, text: 'upstream.example:3128' },
      credentials: undefined,
      caPem: undefined,
    },
    open: () => Promise.reject(new Error('not in this test')),
    tunnel: ({ text }) => {
      outcome.tunnelled.push(text)
      return Promise.resolve(new Socket())
    },
    via: () => '',
    authorization: () => undefined,
  }
  const listeners = [...(config.proxy_listen ?? []), ...(config.admin_listen ?? [])].map(text => {
    const listener = parseHostHeader(text, 0)
    assert.ok(listener.ok && listener.target.host.kind === 'address')
    return { host: listener.target.host.address.text, port: listener.target.port }
  })

  const allowedPrivateCidrs = cidrs(config.allowed_private_cidrs)
  const open = createOpen({
    resolve: createResolver({ timeoutMs: 1000, lookup }),
    dial,
    guard: {
      allowedPrivateCidrs,
      nat64Prefixes: cidrs(config.nat64_prefixes),
      own: createOwn(
        () => listeners,
        () => config.local_interface_addresses ?? [],
      ),
    },
    upstream: config.upstream_proxy === null ? undefined : upstream,
    upstreamResolves: config.upstream_resolves ?? false,
    connectTimeoutMs: 1000,
  })
  const { route } = await open({ target, caller: 'ada', via: [] }, new AbortController().signal)
  outcome.reason = route === 'upstream' ? 'tunnel_upstream' : 'tunnel'
  const exempt = outcome.dialled.some(text => {
    const address = parseAddress(text)
    return address !== undefined && allowedPrivateCidrs.some(cidr => cidrContains(cidr, address))
  })
  if (exempt) outcome.reason = 'private_allowlisted'
}

describe('the SSRF corpus', () => {
  for (const entry of CORPUS.entries) {
    it(`${entry.id} is ${entry.verdict}: ${entry.reason} (${entry.why})`, async () => {
      const outcome = await run(entry)
      assert.equal(outcome.reason, entry.reason)
      assert.equal(outcome.status, entry.status)

      const mayLookUp = entry.dns !== undefined && entry.config?.upstream_resolves !== true
      assert.equal(outcome.lookups, mayLookUp ? 1 : 0)
      if (entry.verdict !== 'allowed') {
        assert.ok(isReason(outcome.reason))
        assert.deepEqual(outcome.dialled, [])
        assert.deepEqual(outcome.tunnelled, [])
      } else if (entry.must_dial_only !== undefined) {
        assert.deepEqual(outcome.dialled, entry.must_dial_only)
      }
    })
  }
})
