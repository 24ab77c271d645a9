import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { refuseUnsafeRuntime, takeEnvironment } from '../../src/cli/runtime-environment.ts'
import { load, problemsOf } from '../config/loading.ts'

describe('the environment of a daemon', () => {
  const refused: readonly (readonly [name: string, value: string])[] = [
    ['NODE_DEBUG', 'http'],
    ['NODE_DEBUG_NATIVE', 'tls'],
    ['NODE_TLS_REJECT_UNAUTHORIZED', '0'],
    ['NODE_OPTIONS', '--inspect'],
    ['NODE_OPTIONS', '--max-old-space-size=100 --inspect-brk=127.0.0.1:1'],
    ['NODE_OPTIONS', '--insecure-http-parser'],
    ['NODE_OPTIONS', '--tls-min-v1.0'],
    ['NODE_OPTIONS', '--tls-keylog=/tmp/keys'],
    ['NODE_OPTIONS', '--tls_keylog=/tmp/keys'],
    ['NODE_OPTIONS', '"--insecure_http-parser"'],
    ['NODE_OPTIONS', '--heapsnapshot-signal=SIGUSR2'],
    ['NODE_OPTIONS', '--report-uncaught-exception'],
    ['NODE_OPTIONS', '--abort-on-uncaught-exception'],
    ['NODE_OPTIONS', '--experimental-config-file=node.json'],
  ]
  for (const [name, value] of refused) {
    it(`is refused with ${name}=${value}`, () => {
      assert.throws(() => refuseUnsafeRuntime({ [name]: value }, []), {
        name: 'ConfigurationError',
      })
    })
  }

  it('is refused with the same flags as arguments', () => {
    assert.throws(() => refuseUnsafeRuntime({}, ['--inspect=0']), /debugger/)
    assert.throws(() => refuseUnsafeRuntime({}, ['--inspect_brk']), /debugger/)
  })

  it('may hold what does no harm', () => {
    refuseUnsafeRuntime(
      {
        NODE_OPTIONS: '--max-old-space-size=512 --report-on-fatalerror --report-exclude-env',
        NODE_DEBUG: '',
        NODE_TLS_REJECT_UNAUTHORIZED: '1',
      },
      ['--disable-sigusr1'],
    )
  })

  it('loses our variables, of which a copy is kept', () => {
    const env: NodeJS.ProcessEnv = { CODER_AIBRIDGE_OPENAI_KEY: 'sk-x', PATH: '/bin' }
    assert.equal(takeEnvironment(env)['CODER_AIBRIDGE_OPENAI_KEY'], 'sk-x')
    assert.deepEqual(env, { PATH: '/bin' })
  })
})

describe('credentials of systemd', () => {
  const directory = mkdtempSync(join(tmpdir(), 'aibridge-credentials-'))
  process.once('exit', () => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, 'CODER_AIBRIDGE_PROVIDER_0_KEY'), 'sk-from-systemd\n')
  writeFileSync(join(directory, 'other'), 'x')
  const provider = {
    CREDENTIALS_DIRECTORY: directory,
    CODER_AIBRIDGE_PROVIDER_0_TYPE: 'openai',
  }
  const files = { [join(directory, 'CODER_AIBRIDGE_PROVIDER_0_KEY')]: 'sk-from-systemd\n' }
  const keyOf = (env: Record<string, string>): string | undefined =>
    load({ env, files }).settings.bridge.providers[0]?.keys[0]?.reveal()

  it('stand in for the files of secrets, and lose against what is set', () => {
    assert.equal(keyOf(provider), 'sk-from-systemd')
    assert.equal(keyOf({ ...provider, CODER_AIBRIDGE_PROVIDER_0_KEY: 'sk-set' }), 'sk-set')
  })

  it('may be missing altogether', () => {
    const env = { CREDENTIALS_DIRECTORY: join(directory, 'none') }
    assert.deepEqual(problemsOf({ env: { ...env, CODER_HTTP_ADDRESS: 'x' } }).length, 1)
  })
})
