import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readUser } from '../../src/daemon/deployment-user.ts'
import { Refusal } from '../../src/kernel/error.ts'

describe('readUser', () => {
  const cases: readonly (readonly [status: number, body: string, user: string | undefined])[] = [
    [200, '{"username":"grace","status":"active"}', 'grace'],
    [200, '{"username":"grace"}', 'grace'],
    [200, '{"username":"grace","status":"suspended"}', undefined],
    [401, 'whatever', undefined],
    [403, '', undefined],
  ]
  for (const [status, body, user] of cases) {
    it(`takes ${status} ${body} for ${user ?? 'a refusal'}`, () => {
      assert.equal(readUser(status, body), user)
    })
  }

  const unclear: readonly (readonly [status: number, body: string])[] = [
    [200, '<html>sign in</html>'],
    [200, 'null'],
    [200, '{"username":""}'],
    [200, '{"username":"a b"}'],
    [200, '{"username":"a\\u001b[31m"}'],
    [200, '{"username":7}'],
    [302, ''],
    [404, ''],
    [429, ''],
    [500, '{"username":"grace"}'],
  ]
  for (const [status, body] of unclear) {
    it(`draws no conclusion from ${status} ${JSON.stringify(body)}`, () => {
      assert.throws(
        () => readUser(status, body),
        error => error instanceof Refusal && error.reason === 'auth_unavailable',
      )
    })
  }
})
