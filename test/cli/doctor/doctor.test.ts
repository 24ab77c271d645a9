import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { PROVIDER_TYPES } from '../../../src/bridge/providers/registry.ts'
import { runCli } from '../../../src/cli/cli.ts'
import { judgeClient } from '../../../src/cli/doctor/clients/judge-client.ts'
import { probeClients } from '../../../src/cli/doctor/clients/probe-clients.ts'
import type { Probe } from '../../../src/cli/doctor/clients/probes.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { announce } from '../../../src/daemon/running.ts'
import { OPENAI_KEY, providersEnv } from '../../flow/ai-world.ts'
import { startTestDaemon } from '../../support/daemon.ts'
import { daemonEnv } from '../../support/daemon-process.ts'
import { CODER_TOKEN, startDeployment } from '../../support/deployment.ts'
import { listenOnLoopback } from '../../support/listen.ts'
import { createPki } from '../../support/pki.ts'
import { type Provider, startProvider } from '../../support/provider.ts'

describe('doctor', () => {
  let provider: Provider
  let dir = ''
  let env: Record<string, string> = {}
  before(async () => {
    provider = await startProvider()
    dir = await mkdtemp(join(tmpdir(), 'aibridge-doctor-'))
    // Of all the clients that this machine may have, only this one is found.
    await symlink(process.execPath, join(dir, 'node'))
    env = {
      ...daemonEnv(join(dir, 'state')),
      ...providersEnv({ type: 'openai', key: OPENAI_KEY, url: `${provider.url}/v1` }),
      PATH: dir,
    }
  })
  after(async () => {
    await provider[Symbol.asyncDispose]()
    await rm(dir, { recursive: true, force: true })
  })

  const doctor = async (
    change: Readonly<Record<string, string>> = {},
    ...args: readonly string[]
  ): Promise<{ code: number; stdout: string }> => {
    let stdout = ''
    const code = await runCli({
      args: ['doctor', ...args],
      env: { ...env, ...change },
      home: dir,
      stdin: process.stdin,
      stdout: { write: text => (stdout += text) },
      stderr: process.stderr,
    })
    return { code, stdout }
  }

  it('finds everything well where it is, and changes nothing', async () => {
    const { code, stdout } = await doctor()
    assert.equal(code, 0, stdout)
    assert.match(stdout, /^ok {6}provider openai: localhost:\d+ answers \(\d+\)$/m)
    assert.match(stdout, /^ok {6}clock: \d+ s/m)
    assert.match(stdout, /^ok {6}node: speaks TLS and HTTP through the proxy$/m)
    assert.doesNotMatch(stdout, /curl|failed|sk-openai/)
    assert.ok(!existsSync(join(dir, 'state')))
    assert.deepEqual(
      provider.exchanges.map(({ method, path }) => `${method} ${path}`),
      ['HEAD /v1/'],
    )
    assert.ok(!provider.sawInHeaders(OPENAI_KEY))
  })

  it('says that the books cannot be reached, and probes the rest without them', async () => {
    const books = { CODER_PG_CONNECTION_URL: 'postgres://u:canary-1@127.0.0.1:1/x' }
    const { code, stdout } = await doctor(books)
    assert.equal(code, 1, stdout)
    assert.match(
      stdout,
      /^failed {2}PostgreSQL: x at 127\.0\.0\.1:1: .*ECONNREFUSED.*\n +→ .*PG_CONN/m,
    )
    assert.equal(stdout.match(/PostgreSQL/g)?.length, 1)
    assert.match(stdout, /^ok {6}node: speaks TLS and HTTP through the proxy$/m)
    assert.doesNotMatch(stdout, /canary-1/)
  })

  it('fails with the fix of each thing that is wrong', async () => {
    const server = createServer()
    const port = await listenOnLoopback(server)
    const { code, stdout } = await doctor(
      {
        CODER_AIBRIDGE_PROVIDER_0_CA_FILE: createPki('Stranger').certFile,
        CODER_HTTP_ADDRESS: `127.0.0.1:${port}`,
      },
      '--skip-clients',
    )
    server.close()
    assert.equal(code, 1)
    assert.match(stdout, /failed {2}port: 127.0.0.1:\d+ cannot be bound: EADDRINUSE\n +→ see who/)
    assert.match(stdout, /failed {2}provider openai: .*provider_tls.*\n +→ .*CA_FILE/)
    assert.doesNotMatch(stdout, /node:/)
  })

  it('asks the daemon that runs whether it is ready', async () => {
    await using daemon = await startTestDaemon()
    const { proxy, api, stateDir } = daemon
    const files = { caFile: '', bundleFile: '', keyedTypes: [] }
    using _ = await announce(stateDir, { pid: process.pid, proxy, api, tls: false, ...files })
    const there = { CODER_AIBRIDGE_PROXY_STATE_DIR: stateDir }
    const ready = await doctor(there, '--skip-clients')
    assert.match(ready.stdout, /^ok {6}the daemon: process \d+ is ready$/m)
    await daemon.drain(AbortSignal.abort())
    const { code, stdout } = await doctor(there, '--skip-clients')
    assert.equal(code, 1)
    assert.match(stdout, /^failed {2}the daemon: process \d+ is not ready: listener \(draining\)$/m)
  })

  it('fails with every problem of a configuration that does not load', async () => {
    const wrong = { CODER_AIBRIDGE_PROVIDER_0_TYPE: 'opnai', CODER_HTTP_ADDRESS: ':x' }
    const { code, stdout } = await doctor(wrong)
    assert.equal(code, 1)
    assert.equal(stdout.match(/^failed {2}configuration: /gm)?.length, 2, stdout)
  })

  it('asks the deployment for the user in remote mode', async () => {
    await using deployment = await startDeployment({
      bridge: () => ({ status: 404, pieces: [''] }),
    })
    const remote = { ...deployment.env, CODER_SESSION_TOKEN: CODER_TOKEN }
    const known = await doctor(remote, '--skip-clients')
    assert.equal(known.code, 0, known.stdout)
    assert.match(known.stdout, /ok {6}deployment: localhost:\d+ answers \(404\)/)
    assert.match(known.stdout, /ok {6}callers: .* knows CODER_SESSION_TOKEN as grace/)
    deployment.users.clear()
    assert.equal((await doctor(remote, '--skip-clients')).code, 1)
  })

  it('tells a client that distrusts the CA from one that is not there and one that stays away', async () => {
    const { settings } = loadConfig({ flags: {}, env, types: PROVIDER_TYPES, home: dir })
    const fetchIt = (url: string) => ['-e', `fetch('${url}')`]
    const probes: readonly Probe[] = [
      {
        client: 'distrusting',
        command: process.execPath,
        args: fetchIt,
        env: () => ({ NODE_EXTRA_CA_CERTS: '', SSL_CERT_FILE: '' }),
        bypass: '',
      },
      { client: 'absent', command: 'no-such-client', args: fetchIt, bypass: '' },
      {
        client: 'aloof',
        command: process.execPath,
        args: () => ['-e', ''],
        bypass: 'it was not asked to',
      },
    ]
    const findings = (await probeClients(settings, probes, {})).map(judgeClient)
    assert.deepEqual(
      findings.map(finding => finding?.state),
      ['failed', undefined, 'warning'],
    )
    assert.match(findings[0]?.text ?? '', /ca_not_trusted/)
    await rm(join(dir, 'state'), { recursive: true, force: true })
  })
})
