import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rootCertificates } from 'node:tls'
import { load, problemsOf } from './loading.ts'

const P = 'CODER_AIBRIDGE_PROXY_'
const TLS = { [`${P}TLS_CERT_FILE`]: '/tls.crt', [`${P}TLS_KEY_FILE`]: '/tls.key' }
const CA = { [`${P}TLS_CLIENT_CA_FILE`]: '/ca.pem' }
const files = { '/ca.pem': rootCertificates[0] ?? '', '/not.pem': 'x' }

describe('client certificates', () => {
  it('name callers by the common name unless told otherwise', () => {
    const { clientCertificates } = load({ env: { ...TLS, ...CA }, files }).settings.proxy
    assert.deepEqual(
      [clientCertificates?.userFrom, clientCertificates?.userPrefix, clientCertificates?.required],
      ['cn', 'cert:', false],
    )
  })

  const wrong: readonly (readonly [what: string, env: Record<string, string>, problem: RegExp])[] =
    [
      ['no TLS listener', CA, /needs a listener that speaks TLS: set .*_TLS_CERT_FILE/],
      ['no CA', { ...TLS, [`${P}TLS_CLIENT_AUTH`]: 'required' }, /needs a CA: set .*_CA_FILE/],
      [
        'no certificate in the file',
        { ...TLS, [`${P}TLS_CLIENT_CA_FILE`]: '/not.pem' },
        /client CA/,
      ],
    ]
  for (const [what, env, problem] of wrong) {
    it(`refuse ${what}`, () => {
      const problems = problemsOf({ env, files })
      assert.equal(problems.length, 1, problems.join('\n'))
      assert.match(problems[0] ?? '', problem)
    })
  }
})
