import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Cidr, parseCidr } from '../../src/kernel/address.ts'
import { parseAuthority } from '../../src/kernel/target.ts'
import { buildPolicy, decide, type PolicySource } from '../../src/proxy/policy.ts'

const base: PolicySource = {
  allowedPorts: [80, 443],
  providers: [
    { name: 'openai', hosts: [{ host: 'api.openai.com', port: undefined }] },
    {
      name: 'local',
      hosts: [
        { host: '127.0.0.1', port: 443 },
        { host: '::1', port: 443 },
      ],
    },
  ],
  allowedPrivateCidrs: [],
  denyIpLiterals: false,
}
const cidrs = (...texts: string[]): Cidr[] => texts.flatMap(text => parseCidr(text) ?? [])

function verdict(authority: string, change: Partial<PolicySource> = {}): string {
  const parsed = parseAuthority(authority)
  assert.ok(parsed.ok, authority)
  const decided = decide(parsed.target, buildPolicy({ ...base, ...change }))
  if (decided.kind === 'refuse') return decided.reason
  return decided.kind === 'intercept' ? `intercept ${decided.provider} ${decided.host}` : 'tunnel'
}

describe('decide', () => {
  it('intercepts a host on every allowed port and refuses it on others', () => {
    assert.equal(verdict('API.OpenAI.com:443'), 'intercept openai api.openai.com')
    assert.equal(verdict('api.openai.com:80'), 'intercept openai api.openai.com')
    assert.equal(verdict('api.openai.com:8443'), 'port_denied')
  })

  it('refuses a host that is intercepted on one port on every other port', () => {
    const providers = [{ name: 'x', hosts: [{ host: 'api.example.com', port: 443 }] }]
    assert.equal(verdict('api.example.com:443', { providers }), 'intercept x api.example.com')
    assert.equal(verdict('api.example.com:80', { providers }), 'port_denied')
  })

  it('leaves names that only look like an intercepted host to the tunnel', () => {
    for (const host of ['api.openai.com.evil.example', 'x.api.openai.com', 'evil-api.openai.com']) {
      assert.equal(verdict(`${host}:443`), 'tunnel', host)
    }
  })

  it('intercepts a host that has a port on that port only', () => {
    assert.equal(verdict('127.0.0.1:443'), 'intercept local 127.0.0.1')
    assert.equal(verdict('[0:0::1]:443'), 'intercept local ::1')
    assert.equal(verdict('127.0.0.1:80'), 'tunnel')
  })

  it('gives a host with a port precedence over the host alone', () => {
    const providers = [
      { name: 'all', hosts: [{ host: 'gw.example', port: undefined }] },
      { name: 'one', hosts: [{ host: 'gw.example', port: 80 }] },
    ]
    assert.equal(verdict('gw.example:80', { providers }), 'intercept one gw.example')
    assert.equal(verdict('gw.example:443', { providers }), 'intercept all gw.example')
  })

  it('refuses special names and everything below them', () => {
    for (const host of [
      'localhost',
      'a.b.localhost',
      'printer.local',
      'router.home.arpa',
      'hidden.onion',
      'metadata.google.internal',
      'x.metadata.google.internal',
      'instance-data.ec2.internal',
    ]) {
      assert.equal(verdict(`${host}:443`), 'name_denied', host)
    }
    for (const host of ['notlocalhost.example', 'mylocal.example', 'svc.corp.internal']) {
      assert.equal(verdict(`${host}:443`), 'tunnel', host)
    }
  })

  it('refuses names that would go through a search list', () => {
    assert.equal(verdict('intranet:443'), 'name_not_fqdn')
  })

  it('lets localhost names go on when a loopback range is allowlisted', () => {
    for (const range of ['127.0.0.0/8', '127.0.0.1/32', '::1/128', '0.0.0.0/0']) {
      assert.equal(verdict('localhost:443', { allowedPrivateCidrs: cidrs(range) }), 'tunnel', range)
    }
    assert.equal(
      verdict('localhost:443', { allowedPrivateCidrs: cidrs('10.0.0.0/8') }),
      'name_denied',
    )
    assert.equal(
      verdict('x.local:443', { allowedPrivateCidrs: cidrs('127.0.0.0/8') }),
      'name_denied',
    )
  })

  it('intercepts a special name that the operator intercepts', () => {
    const hosts = ['localhost', 'gateway', 'box.local'].map(host => ({ host, port: undefined }))
    const providers = [{ name: 'mine', hosts }]
    for (const { host } of hosts) {
      assert.equal(verdict(`${host}:443`, { providers }), `intercept mine ${host}`)
    }
  })

  it('refuses IP literals when told so, except intercepted ones', () => {
    assert.equal(verdict('8.8.8.8:443', { denyIpLiterals: true }), 'ip_literal')
    assert.equal(verdict('[2606:4700::1]:443', { denyIpLiterals: true }), 'ip_literal')
    assert.equal(verdict('127.0.0.1:443', { denyIpLiterals: true }), 'intercept local 127.0.0.1')
    assert.equal(verdict('a.example:443', { denyIpLiterals: true }), 'tunnel')
  })
})
