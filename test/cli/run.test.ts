import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fromTerminal } from '../../src/cli/run-child.ts'
import { runInProcess } from '../support/command-line.ts'
import { daemonEnv } from '../support/daemon-process.ts'
import { testPki } from '../support/pki.ts'
import { type Provider, startProvider } from '../support/provider.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')
const PARENT_KEY = 'sk-the-parents-own-key-0123456789'

/** A child that asks the provider through whatever its environment says, and tells a file. */
const CHILD = `
  import { writeFileSync } from 'node:fs'
  const response = await fetch('https://api.openai.com/v1/models', {
    headers: { authorization: 'Bearer ' + process.env.OPENAI_API_KEY },
  })
  writeFileSync(process.argv[1], response.status + ' ' + process.env.OPENAI_API_KEY)
`

describe('run', () => {
  let provider: Provider
  let stateDir = ''
  let env: Record<string, string> = {}
  before(async () => {
    provider = await startProvider()
    stateDir = await mkdtemp(join(tmpdir(), 'aibridge-run-'))
    env = {
      ...daemonEnv(stateDir),
      OPENAI_API_KEY: PARENT_KEY,
      CODER_AIBRIDGE_OPENAI_BASE_URL: `${provider.url}/v1`,
      CODER_CONFIG_PATH: '',
    }
  })
  after(async () => {
    await provider[Symbol.asyncDispose]()
    await rm(stateDir, { recursive: true, force: true })
  })

  it('gives the child a placeholder for the key, and the provider the key', async () => {
    const caFile = testPki().certFile
    const said = join(stateDir, 'said')
    const result = await runInProcess(
      ['run', '--', process.execPath, '--input-type=module', '-e', CHILD, said],
      {
        ...env,
        CODER_AIBRIDGE_PROVIDER_0_TYPE: 'openai',
        CODER_AIBRIDGE_PROVIDER_0_KEY: PARENT_KEY,
        CODER_AIBRIDGE_PROVIDER_0_BASE_URL: `${provider.url}/v1`,
        CODER_AIBRIDGE_PROVIDER_0_CA_FILE: caFile,
        CODER_AIBRIDGE_OPENAI_BASE_URL: '',
      },
    )
    assert.equal(result.code, 0, result.stderr)
    assert.equal(await readFile(said, 'utf8'), '200 sk-aibridge-placeholder')
    assert.ok(provider.sawInHeaders(PARENT_KEY))
    assert.match(result.stderr, /calls to openai: 1 completed/)
  })

  it('takes provider keys out of the child and makes them central ones', async () => {
    const said = join(stateDir, 'environment')
    const script = `
      const { readFileSync, writeFileSync } = require('node:fs')
      const bundle = readFileSync(process.env.SSL_CERT_FILE, 'utf8')
      const certificates = bundle.split('BEGIN CERTIFICATE').length - 1
      writeFileSync(process.argv[1], JSON.stringify({ ...process.env, certificates }))
    `
    const args = ['run', '--', process.execPath, '-e', script, said]
    const result = await runInProcess(args, env)
    assert.equal(result.code, 0, result.stderr)
    const text = await readFile(said, 'utf8')
    assert.ok(!text.includes(PARENT_KEY))
    const child: unknown = JSON.parse(text)
    assert.ok(typeof child === 'object' && child !== null)
    assert.equal(Reflect.get(child, 'OPENAI_API_KEY'), 'sk-aibridge-placeholder')
    assert.match(
      String(Reflect.get(child, 'HTTPS_PROXY')),
      /^http:\/\/[^:]+:aibp_[^@]+@127\.0\.0\.1:\d+$/,
    )
    assert.ok(Number(Reflect.get(child, 'certificates')) > 50, 'system roots are in the bundle')
  })

  it('ends with the exit code of the child', async () => {
    const codeOf = async (...args: readonly string[]) =>
      (await runInProcess(['run', ...args], env)).code
    assert.equal(await codeOf('sh', '-c', 'exit 7'), 7)
    assert.equal(await codeOf('--', 'sh', '-c', 'kill -TERM $$'), 128 + 15)
    assert.equal(await codeOf('no-such-command-anywhere'), 127)
  })

  it('hands signals on to the child', async () => {
    const script =
      'process.on("SIGTERM", () => process.exit(9)); console.log("up"); setInterval(() => {}, 1e3)'
    const child = spawn(process.execPath, [MAIN, 'run', '--', process.execPath, '-e', script], {
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    await once(child.stdout, 'data')
    child.kill('SIGTERM')
    assert.deepEqual(await once(child, 'exit'), [9, null])
  })

  it('leaves nothing behind when a signal comes before the child', async () => {
    const scratch = join(stateDir, 'scratch')
    mkdirSync(scratch)
    const child = spawn(process.execPath, [MAIN, 'run', '--', 'sleep', '60'], {
      env: { ...env, TMPDIR: scratch },
      stdio: 'ignore',
    })
    while (readdirSync(scratch).length === 0) await delay(1)
    child.kill('SIGTERM')
    assert.deepEqual(await once(child, 'exit'), [128 + 15, null])
    assert.deepEqual(readdirSync(scratch), [])
  })

  it('leaves to the terminal the signals that it sends the child itself', () => {
    assert.equal(fromTerminal('SIGINT', { isTTY: true }), true)
    assert.equal(fromTerminal('SIGQUIT', { isTTY: true }), true)
    assert.equal(fromTerminal('SIGTERM', { isTTY: true }), false)
    assert.equal(fromTerminal('SIGINT', {}), false)
  })

  it('keeps its log where it is told to', async () => {
    const file = join(stateDir, 'run.log')
    // Few enough for any machine's limit of open files, about which it would warn.
    const few = ['--aibridge-proxy-connections', '16']
    await runInProcess(['run', '--log', file, ...few, 'true'], env)
    assert.equal(await readFile(file, 'utf8'), '', 'nothing happened, nothing logged')
  })
})
