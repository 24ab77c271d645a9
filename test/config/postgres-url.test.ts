import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { postgresUrl } from '../../src/config/types/postgres-url.ts'

const SECRET = 'canary-5521'

const accepted: readonly (readonly [url: string, parts: Readonly<Record<string, unknown>>])[] = [
  [
    `postgres://ada:${SECRET}@db.example/books`,
    { host: 'db.example', port: 5432, user: 'ada', database: 'books', tls: 'verify-full' },
  ],
  ['postgresql://ada@127.0.0.1:6000', { port: 6000, database: 'ada', tls: 'disable' }],
  ['postgres://ada@[::1]/b', { host: '::1', tls: 'disable' }],
  ['postgres://ada@[2001:db8::1]/b', { host: '2001:db8::1', tls: 'verify-full' }],
  ['postgres://ada@localhost/b?host=/run/postgresql', { host: '/run/postgresql', tls: 'disable' }],
  ['postgres://ada@localhost/b?sslmode=verify-full', { tls: 'verify-full' }],
  ['postgres://ada@h/b?sslmode=disable', { tls: 'disable' }],
  ['postgres://ada@h/b?sslmode=require', { tls: 'require', rootCertFile: undefined }],
  ['postgres://ada@h/b?sslmode=require&sslrootcert=/ca.pem', { tls: 'verify-ca' }],
  ['postgres://ada@h/b?sslmode=verify-ca&sslrootcert=/ca.pem', { rootCertFile: '/ca.pem' }],
  ['postgres://ada@h/b?sslcert=/c.pem&sslkey=/k.pem', { certFile: '/c.pem', keyFile: '/k.pem' }],
  ['postgres://a%40b@h/with%20blank', { user: 'a@b', database: 'with blank' }],
]

const refused: readonly (readonly [url: string, problem: RegExp])[] = [
  [`mysql://ada:${SECRET}@h/b`, /no PostgreSQL URL: use postgres:/],
  [`postgres://ada:${SECRET}@h/b c`, /no PostgreSQL URL/],
  [`postgres://ada:${SECRET}@h:99999/b`, /no PostgreSQL URL/],
  [`postgres://:${SECRET}@h/b`, /names no user/],
  [`postgres://ada:${SECRET}@/b`, /no PostgreSQL URL|names no host/],
  [`postgres://ada:${SECRET}%@h/b`, /not percent-encoded correctly/],
  [`postgres://ada:${SECRET}@h/b/c`, /names no database/],
  [`postgres://ada:${SECRET}@h/b?host=one,two`, /several hosts/],
  [`postgres://ada:${SECRET}@h/b?sslmode=prefer`, /sslmode is not accepted/],
  [`postgres://ada:${SECRET}@h/b?sslmode=verify-ca`, /needs sslrootcert/],
  [`postgres://ada:${SECRET}@h/b?sslcert=/c.pem`, /belong together/],
  [`postgres://ada:${SECRET}@h/b?pool_max_conns=9`, /a parameter that is not known: only sslmode/],
  [`postgres://ada:${SECRET}@h/b?sslmode=disable&sslmode=require`, /"sslmode" twice/],
  [`postgres://ada@h:1?${SECRET}@h/b`, /a parameter that is not known/],
  [`postgres://ada@h/b?sslmode=${SECRET}`, /sslmode is not accepted/],
]

describe('a PostgreSQL URL', () => {
  for (const [url, parts] of accepted) {
    it(`is taken apart: ${url.replace(SECRET, '…')}`, () => {
      const result = postgresUrl.parse(url)
      assert.ok(result.ok)
      const server: Readonly<Record<string, unknown>> = { ...result.value }
      for (const [name, value] of Object.entries(parts)) assert.equal(server[name], value, name)
    })
  }

  for (const [url, problem] of refused) {
    it(`is refused: ${url.replace(SECRET, '…')}`, () => {
      const result = postgresUrl.parse(url)
      assert.ok(!result.ok)
      assert.match(result.problem, problem)
      assert.equal(result.problem.includes(SECRET), false)
    })
  }

  it('keeps its password to itself', () => {
    const result = postgresUrl.parse(`postgres://ada:${SECRET}@h/b`)
    assert.ok(result.ok)
    assert.equal(result.value.password?.reveal(), SECRET)
    assert.equal(JSON.stringify(result.value).includes(SECRET), false)
    assert.equal(postgresUrl.format(result.value).includes(SECRET), false)
  })
})
