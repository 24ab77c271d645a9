import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type AuthorityFacts, judgeAuthority } from '../../../src/cli/doctor/authority.ts'
import { type ClientFacts, judgeClient } from '../../../src/cli/doctor/clients/judge-client.ts'
import { type DatabaseFacts, judgeDatabase } from '../../../src/cli/doctor/database.ts'
import { type CallerFacts, judgeCaller } from '../../../src/cli/doctor/deployment.ts'
import { formatFinding } from '../../../src/cli/doctor/finding.ts'
import { judgeClock, judgeOrigin, judgeUpstream } from '../../../src/cli/doctor/judge-origins.ts'
import { judgeListener } from '../../../src/cli/doctor/listeners.ts'
import type { OriginFacts } from '../../../src/cli/doctor/origins.ts'
import { judgeShell } from '../../../src/cli/doctor/shell.ts'
import { judgeState } from '../../../src/cli/doctor/state-directory.ts'
import type { Reason } from '../../../src/kernel/reasons.ts'

const DAY_MS = 86_400_000
const NOW = Date.UTC(2026, 5, 1)

describe('a finding', () => {
  it('has its fix on a line of its own', () => {
    const finding = { about: 'CA', state: 'failed', text: 'gone', fix: 'make one' } as const
    assert.equal(formatFinding(finding), 'failed  CA: gone\n        → make one\n')
    assert.equal(formatFinding({ about: 'CA', state: 'ok', text: 'fine' }), 'ok      CA: fine\n')
  })
})

describe('the CA', () => {
  const loaded = (expiresAt: number): AuthorityFacts => ({
    kind: 'loaded',
    certFile: '/ca.pem',
    expiresAt,
    warnings: [],
  })
  const cases: readonly (readonly [
    what: string,
    facts: AuthorityFacts,
    state: string,
    fix: RegExp,
  ])[] = [
    ['valid for long', loaded(NOW + 90 * DAY_MS), 'ok', /^$/],
    ['about to end', loaded(NOW + 29 * DAY_MS), 'warning', /ca rotate/],
    ['not made yet', { kind: 'missing' }, 'ok', /^$/],
    ['unusable', { kind: 'unusable', problems: ['x: do y'] }, 'failed', /^$/],
  ]
  for (const [what, facts, state, fix] of cases) {
    it(`is ${state} when it is ${what}`, () => {
      const [finding] = judgeAuthority(facts, NOW)
      assert.equal(finding?.state, state)
      assert.match(finding?.fix ?? '', fix)
    })
  }
})

describe('PostgreSQL', () => {
  const server = { host: 'db.example', port: 5432, database: 'books' }
  const fine = { version: '15.4', isReadOnly: false, hasRoom: true }
  const cases: readonly (readonly [facts: DatabaseFacts, state: string, text: RegExp])[] = [
    [fine, 'ok', /^books at db\.example:5432, release 15\.4$/],
    [{ ...fine, version: '12.9' }, 'failed', /is release 12\.9$/],
    [{ ...fine, isReadOnly: true }, 'failed', /is a standby$/],
    [{ ...fine, hasRoom: false }, 'failed', /no place for our tables$/],
    [{ problem: 'the password is wrong' }, 'failed', /: the password is wrong$/],
  ]
  for (const [facts, state, text] of cases) {
    it(`is ${state}: ${text.source}`, () => {
      const finding = judgeDatabase(server, facts)
      assert.equal(finding.state, state)
      assert.match(finding.text, text)
      assert.equal(finding.fix === undefined, state === 'ok')
    })
  }
})

describe('a port', () => {
  const facts = { option: 'CODER_HTTP_ADDRESS', address: { host: '127.0.0.1', port: 80 } }
  const cases: readonly (readonly [
    error: string | undefined,
    pid: number | undefined,
    state: string,
    fix: RegExp,
  ])[] = [
    [undefined, undefined, 'ok', /^$/],
    ['EADDRINUSE', 7, 'ok', /^$/],
    ['EADDRINUSE', undefined, 'failed', /ss -ltnp 'sport = :80'.*CODER_HTTP_ADDRESS/],
    ['EACCES', 7, 'failed', /CAP_NET_BIND_SERVICE/],
    ['EADDRNOTAVAIL', 7, 'failed', /address of this machine/],
  ]
  for (const [error, pid, state, fix] of cases) {
    it(`is ${state} with ${error}, process ${pid}`, () => {
      const finding = judgeListener({ ...facts, error }, pid)
      assert.equal(finding.state, state)
      assert.match(finding.fix ?? '', fix)
    })
  }
})

describe('an origin', () => {
  const failed = (reason: Reason, detail: string): OriginFacts => ({
    about: 'provider openai',
    host: 'api.openai.com',
    result: { ok: false, reason, detail },
  })
  const answered = (date: number | undefined): OriginFacts => ({
    about: 'provider openai',
    host: 'api.openai.com',
    result: { ok: true, status: 421, date, at: NOW },
  })

  it('is well whatever it answers', () => {
    assert.equal(judgeOrigin(answered(NOW)).state, 'ok')
  })

  const fixes: readonly (readonly [reason: Reason, detail: string, fix: RegExp])[] = [
    ['provider_unreachable', 'provider_unreachable: dns_not_found: x', /getent hosts/],
    ['provider_unreachable', 'provider_unreachable: connect_failed: x', /_PROXY_UPSTREAM/],
    ['provider_tls', 'provider_tls: self-signed', /PROVIDER_<N>_CA_FILE/],
    ['bridge_tls', 'bridge_tls: self-signed', /_TARGET_CA/],
    [
      'provider_unreachable',
      'provider_unreachable: upstream_proxy_refused: status 407',
      /user:password@host/,
    ],
    ['provider_timeout', 'provider_timeout: upstream_proxy_timeout: x', /_UPSTREAM_CA/],
  ]
  for (const [reason, detail, fix] of fixes) {
    it(`that fails by ${detail} has its fix`, () => {
      const finding = judgeOrigin(failed(reason, detail))
      assert.equal(finding.state, 'failed')
      assert.match(finding.fix ?? '', fix)
    })
  }

  it('says how the upstream proxy is', () => {
    const broken = failed('provider_unreachable', 'upstream_proxy_failed: refused')
    assert.deepEqual(judgeUpstream(undefined, [broken]), [])
    assert.equal(judgeUpstream('p:3128', [answered(NOW)])[0]?.state, 'ok')
    assert.equal(judgeUpstream('p:3128', [answered(NOW), broken])[0]?.state, 'failed')
    assert.equal(judgeUpstream('p:3128', [failed('provider_tls', 'x')])[0]?.state, 'ok')
  })

  it('says what time it is', () => {
    const skewed = (ms: number) => judgeClock([answered(NOW - ms)])[0]?.state
    assert.deepEqual(judgeClock([answered(undefined), failed('provider_tls', 'x')]), [])
    assert.equal(skewed(59_000), 'ok')
    assert.equal(skewed(-61_000), 'warning')
    assert.equal(skewed(300_000), 'failed')
    const liar = answered(NOW - 999_999)
    assert.equal(judgeClock([liar, answered(NOW), answered(NOW)])[0]?.state, 'ok')
  })
})

describe('a client', () => {
  const came: ClientFacts = {
    probe: { client: 'curl', bypass: 'look at NO_PROXY' },
    installed: true,
    called: false,
    refused: undefined,
    tlsFailure: undefined,
    output: 'no luck',
  }
  const tlsFailure = { code: 'ca_not_trusted', text: 'rejected' }
  const cases: readonly (readonly [
    what: string,
    facts: Partial<ClientFacts>,
    state: string | undefined,
    text: RegExp,
  ])[] = [
    ['is not here', { installed: false }, undefined, /^$/],
    ['came through', { called: true, tlsFailure }, 'ok', /through the proxy/],
    ['distrusts', { tlsFailure }, 'failed', /ca_not_trusted.*no luck.*aibridgeproxyd env/s],
    ['was refused', { refused: 'auth_invalid' }, 'failed', /auth_invalid.*no luck/],
    ['stayed away', {}, 'warning', /did not come.*no luck.*look at NO_PROXY/s],
  ]
  for (const [what, facts, state, text] of cases) {
    it(`that ${what} is ${state ?? 'not mentioned'}`, () => {
      const finding = judgeClient({ ...came, ...facts })
      assert.equal(finding?.state, state)
      assert.match(`${finding?.text ?? ''}${finding?.fix ?? ''}`, text)
    })
  }
})

describe('the rest', () => {
  it('judges the shell by the port alone, for the URL holds a token', () => {
    const trust = { NODE_EXTRA_CA_CERTS: 'x', SSL_CERT_FILE: 'y' }
    const url = 'http://ada:aibp_secret@127.0.0.1:8888'
    assert.equal(judgeShell({}, 8888).state, 'warning')
    assert.equal(judgeShell({ HTTPS_PROXY: url }, 8888).state, 'warning')
    assert.equal(judgeShell({ https_proxy: `${url}/`, ...trust }, 8888).state, 'ok')
    const other = judgeShell({ HTTPS_PROXY: url, ...trust }, 9999)
    assert.equal(other.state, 'warning')
    assert.doesNotMatch(JSON.stringify(other), /secret/)
  })

  it('judges the state directory by who may read and write it', () => {
    const facts = { directory: '/s', exists: true, writable: true, mode: 0o700 }
    assert.equal(judgeState(facts).state, 'ok')
    assert.match(judgeState({ ...facts, mode: 0o755 }).fix ?? '', /chmod 700 \/s/)
    assert.equal(judgeState({ ...facts, writable: false }).state, 'failed')
    assert.match(judgeState({ ...facts, exists: false, mode: undefined }).text, /first start/)
  })

  const callers: readonly (readonly [facts: CallerFacts, state: string])[] = [
    [{ kind: 'known', user: 'grace' }, 'ok'],
    [{ kind: 'no-token' }, 'warning'],
    [{ kind: 'unknown' }, 'failed'],
    [{ kind: 'unasked', detail: 'x' }, 'failed'],
  ]
  for (const [facts, state] of callers) {
    it(`judges a caller whom the deployment has ${facts.kind} ${state}`, () => {
      assert.equal(judgeCaller(facts, 'https://coder.example').state, state)
    })
  }
})
