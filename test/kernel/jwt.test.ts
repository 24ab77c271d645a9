import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { holdsJwtOfSameIssuer, readJwt } from '../../src/kernel/jwt.ts'

const segment = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const jwt = (claims: unknown, header: unknown = { alg: 'RS256' }): string =>
  `${segment(header)}.${segment(claims)}.c2ln`

describe('readJwt', () => {
  it('takes a JWT apart', () => {
    assert.deepEqual(readJwt(jwt({ iss: 'x' })), { header: { alg: 'RS256' }, claims: { iss: 'x' } })
  })

  const refused: readonly (readonly [what: string, text: string])[] = [
    ['no text', ''],
    ['a stored token', `aibp_${'a'.repeat(43)}`],
    ['two segments', `${segment({})}.${segment({})}`],
    ['an empty signature', `${segment({})}.${segment({})}.`],
    ['four segments', `${jwt({})}.x`],
    ['blanks', ` ${jwt({})}`],
    ['a line break at its end', `${jwt({})}\n`],
    ['the plain alphabet of base64', `${segment({})}.${segment({})}.a+b/`],
    ['claims that are no JSON', `${segment({})}.YQ.c2ln`],
    ['claims that are no object', jwt([1])],
    ['a head that is null', jwt({}, null)],
    ['more than 8 KiB', jwt({ note: 'x'.repeat(8192) })],
  ]
  for (const [what, text] of refused) {
    it(`has nothing to say of ${what}`, () => assert.equal(readJwt(text), undefined))
  }
})

describe('holdsJwtOfSameIssuer', () => {
  const own = jwt({ iss: 'https://ours.test', jti: 1 })

  it('finds another of that issuer wherever it stands', () => {
    const other = jwt({ iss: 'https://ours.test', jti: 2 })
    const escaped = `e30.${Buffer.from('{"iss":"https:\\/\\/ours.test"}').toString('base64url')}.x`
    assert.equal(holdsJwtOfSameIssuer(`eyJ${escaped}`, own), true)
    for (const text of [other, `Bearer ${other}`, `a=b; token=${other}; c`, `[${other}]`]) {
      assert.equal(holdsJwtOfSameIssuer(text, own), true, text)
    }
  })

  it('leaves those of other issuers alone, and everything beside a stored token', () => {
    assert.equal(holdsJwtOfSameIssuer(jwt({ iss: 'https://auth.openai.com' }), own), false)
    assert.equal(holdsJwtOfSameIssuer(jwt({}), jwt({})), false)
    assert.equal(holdsJwtOfSameIssuer(own, `aibp_${'a'.repeat(43)}`), false)
  })

  it('reads a hostile header in no time', () => {
    const before = process.threadCpuUsage()
    for (const piece of ['eyJ', 'eyJ.', 'eyJ.eyJ', '.eyJ', 'eyJ-eyJ.eyJ']) {
      assert.equal(holdsJwtOfSameIssuer(piece.repeat(20_000), own), false)
    }
    assert.ok(process.threadCpuUsage(before).user < 500_000, 'microseconds of CPU')
  })
})
