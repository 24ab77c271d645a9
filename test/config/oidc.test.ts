import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { load, problemsOf } from './loading.ts'

const P = 'CODER_AIBRIDGE_PROXY_OIDC_'
const ISSUER = {
  [`${P}ISSUER`]: 'https://issuer.example/realm',
  [`${P}AUDIENCE`]: 'aibridgeproxyd',
}

describe('OIDC callers', () => {
  const oidc = (env: Readonly<Record<string, string>>) => load({ env }).settings.oidc

  it('are off without an issuer', () => assert.equal(oidc({}), undefined))

  it('are asked about at the issuer, or where its keys are', () => {
    assert.equal(oidc(ISSUER)?.origin.target.text, 'issuer.example:443')
    const apart = oidc({ ...ISSUER, [`${P}JWKS_URL`]: 'https://keys.example/certs' })
    assert.equal(apart?.origin.target.text, 'keys.example:443')
  })

  it('have a prefix unless the operator wants none', () => {
    assert.equal(oidc(ISSUER)?.userPrefix, 'oidc:')
    assert.equal(oidc({ ...ISSUER, [`${P}USER_PREFIX`]: '-' })?.userPrefix, '')
  })

  const wrong: readonly (readonly [what: string, env: Record<string, string>, problem: RegExp])[] =
    [
      [
        'no audience',
        { [`${P}ISSUER`]: 'https://issuer.example' },
        /needs an audience: set .*_AUD/,
      ],
      ['no issuer', { [`${P}GROUPS_CLAIM`]: 'groups' }, /without an issuer: set .*_ISSUER/],
      [
        'keys in clear text',
        { ...ISSUER, [`${P}JWKS_URL`]: 'http://issuer.example/keys' },
        /must not come over plain http.*use https/,
      ],
      [
        'a symmetric algorithm',
        { ...ISSUER, [`${P}ALGORITHMS`]: 'RS256,HS256' },
        /"HS256" is not an accepted algorithm: use RS256/,
      ],
      [
        'everybody whom a public issuer knows',
        { ...ISSUER, [`${P}ISSUER`]: 'https://GitLab.com' },
        /everybody in the world: say in .*_ALLOWED_USERS/,
      ],
      [
        'whoever a public issuer knows by the words that all its names begin with',
        {
          ...ISSUER,
          [`${P}ISSUER`]: 'https://token.actions.githubusercontent.com',
          [`${P}ALLOWED_USERS`]: 'repo:acme/*,repo:*',
        },
        /everybody in the world: say in .*_ALLOWED_USERS/,
      ],
      [
        'a star amid a name',
        { ...ISSUER, [`${P}ALLOWED_USERS`]: 'repo:*/app' },
        /ALLOWED_USERS.*"repo:\*\/app" has a star amid it/,
      ],
      ['nobody', { ...ISSUER, [`${P}ALLOWED_USERS`]: ',' }, /ALLOWED_USERS.*the list is empty/],
      ['no algorithm', { ...ISSUER, [`${P}ALGORITHMS`]: ',' }, /name at least one algorithm/],
      [
        'a CA that is not there',
        { ...ISSUER, [`${P}CA_FILE`]: '/none' },
        /OIDC CA.*OIDC_CA_FILE.*"\/none"/,
      ],
    ]
  for (const [what, env, problem] of wrong) {
    it(`refuse ${what}`, () => {
      const problems = problemsOf({ env })
      assert.equal(problems.length, 1, problems.join('\n'))
      assert.match(problems[0] ?? '', problem)
    })
  }
})
