import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLoopback } from '../../src/admin/access.ts'
import { ROUTES } from '../../src/admin/routes.ts'
import { Refusal } from '../../src/kernel/error.ts'
import { someRecords } from './records-support.ts'
import { ADMIN, startAdmin, USER } from './support.ts'

const bearer = (token: string): RequestInit => ({ headers: { Authorization: `Bearer ${token}` } })
const session = (token: string): RequestInit => ({ headers: { 'Coder-Session-Token': token } })

/** Status without a token, with a wrong one, a user's and an administrator's. */
const EXPECTED = {
  loopback: {
    none: [200, 200, 200, 200],
    user: [401, 401, 200, 200],
    admin: [401, 401, 403, 200],
    loopback: [200, 200, 200, 200],
  },
  elsewhere: {
    none: [200, 200, 200, 200],
    user: [401, 401, 200, 200],
    admin: [401, 401, 403, 200],
    loopback: [401, 401, 403, 200],
  },
}

const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n'

for (const [place, host] of [
  ['loopback', '127.0.0.1'],
  ['elsewhere', '0.0.0.0'],
] as const) {
  test(`every route asks for the token that its row names, on ${host}`, async t => {
    const records = await someRecords(t)
    const { get } = await startAdmin(t, { host, caCertificate: () => CERTIFICATE, records })
    for (const { path: pattern, access } of ROUTES) {
      const path = pattern.replace('{session_id}', 'session-1')
      const statuses: number[] = []
      for (const init of [{}, bearer('aibp_wrong'), bearer(USER), session(ADMIN)]) {
        const response = await get(path, init)
        await response.arrayBuffer()
        statuses.push(response.status)
      }
      assert.deepEqual(statuses, EXPECTED[place][access], path)
    }
  })
}

test('a missing token is challenged and explained', async t => {
  const { get } = await startAdmin(t)
  const response = await get('/api/v2/users/me')
  assert.equal(response.headers.get('www-authenticate'), 'Bearer')
  assert.deepEqual(await response.json(), {
    message: 'A token is required.',
    detail: 'Send it as Coder-Session-Token or as Authorization: Bearer.',
  })
})

test('tokens that cannot be checked are 503, without the cause', async t => {
  const { get } = await startAdmin(t, {
    authenticate: () => Promise.reject(new Refusal('auth_unavailable', 'canary')),
  })
  const response = await get('/api/v2/users/me', bearer(USER))
  assert.equal(response.status, 503)
  assert.deepEqual(await response.json(), {
    message: 'Credentials cannot be checked at the moment.',
  })
})

const hostOf = (answer: string): string => answer.slice(9, 12)

test('a loopback listener refuses names that a stranger could point at it', async t => {
  const { raw, port } = await startAdmin(t)
  const status = async (...lines: string[]): Promise<string> =>
    hostOf(await raw(['GET /metrics HTTP/1.1', ...lines, 'Connection: close', '', ''].join('\r\n')))

  for (const host of [
    'attacker.example',
    '127.0.0.1.nip.io',
    `127.0.0.1.nip.io:${port}`,
    'localhost.attacker.example',
    'localhost.',
    '',
    '127.0.0.1@attacker.example',
    '[::1',
    '::1',
    '127.1',
    '0x7f000001',
  ]) {
    assert.equal(await status(`Host: ${host}`), '403', JSON.stringify(host))
  }
  for (const host of [
    '127.0.0.1',
    `127.0.0.1:${port}`,
    'LOCALHOST',
    'localhost:1',
    '[::1]:80',
    '10.1.2.3',
  ]) {
    assert.equal(await status(`Host: ${host}`), '200', host)
  }
  for (const [origin, expected] of [
    ['http://localhost:1', '200'],
    ['http://localhost:2', '403'],
    ['https://attacker.example', '403'],
    ['null', '403'],
  ] as const) {
    assert.equal(await status('Host: localhost:1', `Origin: ${origin}`), expected, origin)
  }
})

test('the configured name of a loopback listener is served', async t => {
  const { raw } = await startAdmin(t, { host: 'localhost' })
  const ask = async (host: string): Promise<string> =>
    hostOf(await raw(`GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`))
  assert.equal(await ask('localhost'), '200')
  assert.equal(await ask('other.example'), '403')
})

test('a listener on other addresses takes any name: it trusts none', async t => {
  const { raw } = await startAdmin(t, { host: '0.0.0.0' })
  const answer = await raw(
    'GET /livez HTTP/1.1\r\nHost: proxy.corp.example\r\nConnection: close\r\n\r\n',
  )
  assert.equal(hostOf(answer), '200')
})

test('loopback is 127.0.0.0/8 and ::1', () => {
  for (const address of ['127.0.0.1', '127.255.0.9', '::1']) assert.ok(isLoopback(address), address)
  for (const address of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.nip.io', '::ffff:127.0.0.1']) {
    assert.equal(isLoopback(address), false, address)
  }
})
