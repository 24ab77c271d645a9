import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { load, problemsOf } from './loading.ts'

const P = 'CODER_AIBRIDGE_PROXY_'

describe('remote mode', () => {
  const off = { CODER_AIBRIDGE_ENABLED: 'false' }
  const remote = (env: Readonly<Record<string, string>>) =>
    load({ env: { ...off, ...env } }).settings.bridge.remote

  it('has its target below the access URL unless it is given', () => {
    const below = remote({ CODER_ACCESS_URL: 'https://coder.example/sub/' })
    assert.equal(below?.access.basePath, '/sub')
    assert.equal(below?.target.basePath, '/sub/api/v2/aibridge')
    assert.equal(below?.target.origin.target.text, 'coder.example:443')
    const apart = remote({
      CODER_ACCESS_URL: 'https://coder.example',
      [`${P}TARGET`]: 'http://127.0.0.1:4001/ai/',
    })
    assert.equal(apart?.target.basePath, '/ai')
    assert.equal(apart?.target.origin.target.text, '127.0.0.1:4001')
  })

  it('is off while the bridge of this daemon is on', () => {
    const { settings } = load({ env: { CODER_ACCESS_URL: 'https://coder.example' } })
    assert.equal(settings.bridge.remote, undefined)
  })

  const wrong: readonly (readonly [what: string, env: Record<string, string>, problem: RegExp])[] =
    [
      ['no access URL', {}, /coder access URL is required .*set CODER_ACCESS_URL/],
      [
        'no authentication',
        { CODER_ACCESS_URL: 'https://coder.example', [`${P}AUTH`]: 'off' },
        /CODER_AIBRIDGE_PROXY_AUTH=off leaves the deployment without a token.*use required/,
      ],
      [
        'an access URL in clear text',
        { CODER_ACCESS_URL: 'http://coder.example' },
        /CODER_ACCESS_URL is http:\/\/ beyond loopback.*TARGET_ALLOW_INSECURE_HTTP/,
      ],
      [
        'a target in clear text',
        { CODER_ACCESS_URL: 'https://coder.example', [`${P}TARGET`]: 'http://gw.example/x' },
        /^CODER_AIBRIDGE_PROXY_TARGET is http:/,
      ],
      [
        'a CA that is not there',
        { CODER_ACCESS_URL: 'https://coder.example', [`${P}TARGET_CA`]: '/none' },
        /failed to read bridge target CA certificate.*_TARGET_CA.*"\/none"/,
      ],
    ]
  for (const [what, env, problem] of wrong) {
    it(`refuses ${what}`, () => {
      const problems = problemsOf({ env: { ...off, ...env } })
      assert.equal(problems.length, 1, problems.join('\n'))
      assert.match(problems[0] ?? '', problem)
    })
  }

  it('warns that JWTs of callers reach the deployment', () => {
    const oidc = { [`${P}OIDC_ISSUER`]: 'https://issuer.example', [`${P}OIDC_AUDIENCE`]: 'proxy' }
    const { warnings } = load({
      env: { ...off, CODER_ACCESS_URL: 'https://coder.example', ...oidc },
    })
    assert.ok(
      warnings.some(text => /OIDC_ISSUER: the deployment is given the JWT/.test(text)),
      warnings.join('\n'),
    )
  })

  it('takes clear text where the operator says so', () => {
    const env = { CODER_ACCESS_URL: 'http://coder.coder.svc' }
    assert.ok(remote({ ...env, [`${P}TARGET_ALLOW_INSECURE_HTTP`]: 'true' }))
  })

  it('warns about what only the bridge of this daemon would use', () => {
    const env = { ...off, CODER_ACCESS_URL: 'https://coder.example' }
    const unused = {
      CODER_AIBRIDGE_OPENAI_KEY: 'sk-x',
      CODER_AIBRIDGE_RATE_LIMIT: '5',
      CODER_AIBRIDGE_CIRCUIT_BREAKER_ENABLED: 'true',
      CODER_AIBRIDGE_SEND_ACTOR_HEADERS: 'true',
      CODER_AIBRIDGE_POLICY_FILE: 'policy.yaml',
    }
    const policy = 'budgets:\n  - user: ada\n    usd: 5\n'
    const { warnings } = load({
      env: { ...env, ...unused },
      files: { 'policy.yaml': policy },
    })
    const text = warnings.join('\n')
    assert.match(text, /CODER_AIBRIDGE_ENABLED=false.*no effect here: the key of openai, budgets/)
    for (const name of Object.keys(unused).slice(1)) assert.ok(text.includes(name), name)
    assert.deepEqual(load({ env }).warnings, [])
  })
})
