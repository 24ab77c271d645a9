import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runInProcess } from '../support/command-line.ts'
import { daemonEnv, startDaemonProcess } from '../support/daemon-process.ts'
import { CODER_TOKEN, type Deployment, startDeployment } from '../support/deployment.ts'

/** A child that asks the provider through whatever its environment says, and tells a file. */
const CHILD = `
  import { writeFileSync } from 'node:fs'
  const response = await fetch('https://api.openai.com/v1/models', {
    headers: { authorization: 'Bearer ' + process.env.OPENAI_API_KEY },
  })
  const { OPENAI_API_KEY, ANTHROPIC_API_KEY } = process.env
  writeFileSync(process.argv[1], [response.status, OPENAI_API_KEY, ANTHROPIC_API_KEY].join(' '))
`

describe('commands in remote mode', () => {
  let deployment: Deployment
  let stateDir = ''
  let env: Record<string, string> = {}
  before(async () => {
    deployment = await startDeployment({ bridge: () => ({ pieces: ['{}'] }) })
    stateDir = await mkdtemp(join(tmpdir(), 'aibridge-remote-'))
    const listen = { CODER_AIBRIDGE_PROXY_LISTEN_ADDR: '127.0.0.1:8888' }
    env = daemonEnv(stateDir, { ...deployment.env, ...listen, USER: 'grace' })
  })
  after(async () => {
    await deployment[Symbol.asyncDispose]()
    await rm(stateDir, { recursive: true, force: true })
  })

  it('make no token: env asks for one of the deployment', async () => {
    const result = await runInProcess(['env'], env)
    assert.equal(result.code, 2)
    assert.match(result.stderr, /users of https:\/\/localhost:\d+ .*CODER_SESSION_TOKEN/)
  })

  it("give the client the deployment's token, and a placeholder unless it has a key", async () => {
    const own = { CODER_SESSION_TOKEN: CODER_TOKEN, OPENAI_API_KEY: 'sk-mine-0123456789' }
    const { code, stdout, stderr } = await runInProcess(['env'], { ...env, ...own })
    assert.equal(code, 0, stderr)
    assert.ok(stdout.includes(`HTTPS_PROXY='http://grace:${CODER_TOKEN}@127.0.0.1:8888'`), stdout)
    assert.match(stdout, /ANTHROPIC_API_KEY='sk-aibridge-placeholder'/)
    assert.doesNotMatch(stdout, /OPENAI_API_KEY/)
  })

  it('ask the daemon that runs whose users may call', async () => {
    await using daemon = await startDaemonProcess({ env: deployment.env })
    assert.match(daemon.stderr, /proxy {3}http:\/\/127\.0\.0\.1:\d+ {3}\(for users of https:/)
    assert.doesNotMatch(daemon.stderr, /aibp_/)
    const result = await runInProcess(['env'], daemonEnv(daemon.stateDir))
    assert.match(result.stderr, /users of https:\/\/localhost/)
  })

  it("run a command as the deployment's user, with its own keys left to it", async () => {
    const said = join(stateDir, 'said')
    const { code, stderr } = await runInProcess(
      ['run', '--', process.execPath, '--input-type=module', '-e', CHILD, said],
      { ...env, CODER_SESSION_TOKEN: CODER_TOKEN, OPENAI_API_KEY: 'sk-mine-0123456789' },
    )
    assert.equal(code, 0, stderr)
    assert.equal(await readFile(said, 'utf8'), '200 sk-mine-0123456789 sk-aibridge-placeholder')
    assert.deepEqual(
      deployment.calls.map(({ path }) => path),
      ['/api/v2/aibridge/openai/v1/models'],
    )
  })

  it('explain where the calls of an intercepted host go', async () => {
    const { stdout } = await runInProcess(['check', '--explain', 'api.openai.com:443'], env)
    assert.match(stdout, /provider openai.*its calls go to https:\/\/localhost:\d+\n/)
  })
})
