import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { trustVariables } from '../../src/ca/trust.ts'
import { writeVariables } from '../../src/cli/shells.ts'
import { runInProcess } from '../support/command-line.ts'
import { type DaemonProcess, daemonEnv, startDaemonProcess } from '../support/daemon-process.ts'
import { connectThrough } from '../support/raw-client.ts'

const NASTY = `a'b"c$d\`e\\f g;h&i|j>k<l*m?n~o#p!q`

describe('env', () => {
  let stateDir = ''
  before(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'aibridge-env-'))
  })
  after(() => rm(stateDir, { recursive: true, force: true }))

  const env = (): Record<string, string> =>
    daemonEnv(stateDir, { CODER_AIBRIDGE_PROXY_LISTEN_ADDR: '127.0.0.1:8888', USER: 'ada' })

  it('prints every variable that some runtime needs, and none that misleads curl', async () => {
    const result = await runInProcess(['env'], env())
    assert.equal(result.code, 0, result.stderr)
    assert.match(result.stderr, /^aibridgeproxyd: no daemon runs on .+\n$/)
    const names = [...result.stdout.matchAll(/^export (\w+)=/gm)].map(match => match[1] ?? '')
    assert.deepEqual(
      new Set(names),
      new Set([
        ...Object.keys(trustVariables({ caFile: '', bundleFile: '' })),
        'HTTPS_PROXY',
        'https_proxy',
        'NO_PROXY',
        'no_proxy',
        'NODE_USE_ENV_PROXY',
      ]),
    )
    assert.match(result.stdout, /HTTPS_PROXY='http:\/\/ada:aibp_[\w-]+@127\.0\.0\.1:8888'/)
  })

  it('uses the token and the host that it is given, and keeps what NO_PROXY says', async () => {
    const result = await runInProcess(
      ['env', '--token', 'mine', '--host', 'proxy.example', '--user', 'a.b'],
      { ...env(), NO_PROXY: 'intranet.example\n.corp' },
    )
    assert.match(result.stdout, /HTTPS_PROXY='http:\/\/a\.b:mine@proxy\.example:8888'/)
    assert.match(result.stdout, /NO_PROXY='intranet\.example,\.corp,localhost,127\.0\.0\.1,::1'/)
  })

  it('puts a placeholder where there is a central key', async () => {
    const result = await runInProcess(['env'], {
      ...env(),
      CODER_AIBRIDGE_ANTHROPIC_KEY: 'sk-ant-real',
    })
    assert.match(result.stdout, /ANTHROPIC_API_KEY='sk-aibridge-placeholder'/)
    assert.doesNotMatch(result.stdout, /OPENAI_API_KEY|sk-ant-real/)
  })

  it('refuses users that no token could be made for', async () => {
    for (const user of ['', 'a\nexport X=1']) {
      const result = await runInProcess(['env', '--user', user], env())
      assert.equal(result.code, 2, JSON.stringify(user))
      assert.match(result.stderr, /--user must be/)
    }
  })

  it('refuses shells it does not know, and a port that nobody can know', async () => {
    const shell = await runInProcess(['env', '--shell', 'zsh5'], env())
    assert.equal(shell.code, 2)
    assert.match(shell.stderr, /--shell: "zsh5" is not one of sh, fish/)
    const port = await runInProcess(['env'], { ...env(), CODER_AIBRIDGE_PROXY_LISTEN_ADDR: ':0' })
    assert.equal(port.code, 2)
  })
})

describe('env beside a daemon that runs', () => {
  let daemon: DaemonProcess
  before(async () => {
    daemon = await startDaemonProcess({
      env: {
        CODER_AIBRIDGE_PROVIDER_0_TYPE: 'anthropic',
        CODER_AIBRIDGE_PROVIDER_0_KEY: 'sk-ant-real',
      },
    })
  })
  after(() => daemon[Symbol.asyncDispose]())

  const shell = (): Record<string, string> => ({
    PATH: process.env['PATH'] ?? '',
    HOME: daemon.stateDir,
    USER: 'ada',
    CODER_AIBRIDGE_PROXY_STATE_DIR: daemon.stateDir,
  })

  it('makes a token that it takes at once', async () => {
    const result = await runInProcess(['env', '--user', 'grace'], shell())
    const token = /grace:(aibp_[\w-]+)@/.exec(result.stdout)?.[1]
    const { head, socket } = await connectThrough(daemon.proxy, 'api.anthropic.com:443', {
      credentials: `grace:${token}`,
    })
    assert.equal(head.status, 200)
    socket.destroy()
  })

  it('goes by what that has, not by the variables of this shell', async () => {
    const result = await runInProcess(['env'], shell())
    assert.equal(result.code, 0, result.stderr)
    assert.match(result.stdout, new RegExp(`@127\\.0\\.0\\.1:${daemon.proxy.port}'`))
    assert.match(result.stdout, /ANTHROPIC_API_KEY='sk-aibridge-placeholder'/)
    assert.doesNotMatch(result.stdout, /OPENAI_API_KEY|sk-ant-real/)
  })
})

describe('writeVariables', () => {
  it('survives a POSIX shell whatever the value', () => {
    const text = writeVariables('sh', { NASTY })
    const seen = execFileSync('sh', ['-c', `eval "$TEXT"; printf %s "$NASTY"`], {
      env: { TEXT: text },
      encoding: 'utf8',
    })
    assert.equal(seen, NASTY)
  })

  const written: [shell: Parameters<typeof writeVariables>[0], value: string, line: string][] = [
    ['fish', `a'b\\c`, `set -gx X 'a\\'b\\\\c'\n`],
    ['powershell', `a'b`, `$env:X = 'a''b'\n`],
    ['dotenv', `a"b$c`, `X="a\\"b\\$c"\n`],
    ['github', 'a b', 'X=a b\n'],
  ]
  for (const [shell, value, line] of written) {
    it(`quotes for ${shell}`, () => assert.equal(writeVariables(shell, { X: value }), line))
  }
})
