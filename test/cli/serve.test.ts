import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { runInProcess } from '../support/command-line.ts'
import {
  createToken,
  daemonEnv,
  runCommand,
  startDaemonProcess,
} from '../support/daemon-process.ts'
import { listenOnLoopback } from '../support/listen.ts'
import { echo, startTcpOrigin } from '../support/origin.ts'
import { testPki } from '../support/pki.ts'
import { startProvider } from '../support/provider.ts'
import { connectThrough, readBytes, readHead, secureOver } from '../support/raw-client.ts'

async function stateDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'aibridge-serve-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

describe('serve', () => {
  it('starts with nothing configured, and says what a user needs next in four lines', async () => {
    await using daemon = await startDaemonProcess()
    const lines = daemon.stderr.trim().split('\n')
    assert.deepEqual(
      lines.map(line => line.split(' ')[0]),
      ['proxy', 'trust', 'shell', 'watch'],
    )
    const [, user, token] = /^proxy +http:\/\/(.+):(aibp_.+)@/.exec(lines[0] ?? '') ?? []
    const { head, socket } = await connectThrough(daemon.proxy, 'api.openai.com:443', {
      credentials: `${user}:${token}`,
    })
    assert.equal(head.status, 200)
    socket.destroy()
    assert.equal((await stat(join(daemon.stateDir, 'ca.key'))).mode & 0o777, 0o600)
    assert.ok(!daemon.lines.some(line => JSON.stringify(line).includes(String(token))))
  })

  it('shows no token at later starts, and none under systemd', async () => {
    await using state = await stateDirectory()
    {
      await using first = await startDaemonProcess({ stateDir: state.path })
      assert.match(first.stderr, /aibp_/)
    }
    await using second = await startDaemonProcess({ stateDir: state.path })
    assert.doesNotMatch(second.stderr, /aibp_/)
    await using underSystemd = await startDaemonProcess({ env: { JOURNAL_STREAM: '8:1' } })
    assert.doesNotMatch(underSystemd.stderr, /aibp_/)
  })

  it('keeps its CA over a restart', async () => {
    await using state = await stateDirectory()
    const fingerprint = async (): Promise<unknown> => {
      await using daemon = await startDaemonProcess({ stateDir: state.path })
      return (await daemon.waitForLine(line => line['msg'] === 'listening'))['ca_fingerprint']
    }
    assert.equal(await fingerprint(), await fingerprint())
  })

  it('lets open tunnels finish at SIGTERM, refuses new ones, and exits with 0', async () => {
    await using origin = await startTcpOrigin(echo)
    await using daemon = await startDaemonProcess({
      env: {
        CODER_AIBRIDGE_PROXY_ALLOWED_PORTS: `${origin.port}`,
        CODER_AIBRIDGE_PROXY_ALLOWED_PRIVATE_CIDRS: '127.0.0.0/8',
      },
    })
    const credentials = `u:${await createToken(daemon, 'u')}`
    const { socket } = await connectThrough(daemon.proxy, origin.authority, { credentials })
    const stopped = daemon.stop('SIGTERM')
    await daemon.waitForLine(line => line['msg'] === 'draining')
    socket.write('still here')
    assert.equal(String(await readBytes(socket, 10)), 'still here')
    await assert.rejects(connectThrough(daemon.proxy, origin.authority, { credentials }))
    socket.destroy()
    assert.equal(await stopped, 0)
  })

  it('stops at once at a second signal', async () => {
    await using origin = await startTcpOrigin(echo)
    await using daemon = await startDaemonProcess({
      env: {
        CODER_AIBRIDGE_PROXY_ALLOWED_PORTS: `${origin.port}`,
        CODER_AIBRIDGE_PROXY_ALLOWED_PRIVATE_CIDRS: '127.0.0.0/8',
      },
    })
    const credentials = `u:${await createToken(daemon, 'u')}`
    const { socket } = await connectThrough(daemon.proxy, origin.authority, { credentials })
    const closed = new Promise(resolve => socket.once('close', resolve))
    socket.resume()
    const stopped = daemon.stop('SIGTERM')
    await daemon.waitForLine(line => line['msg'] === 'draining')
    daemon.child.kill('SIGTERM')
    assert.equal(await stopped, 0)
    await closed
  })

  it('reads the configuration again at SIGHUP, and keeps the old one when it is broken', async () => {
    await using provider = await startProvider()
    await using state = await stateDirectory()
    const keyFile = join(state.path, 'key')
    await writeFile(keyFile, 'sk-first-key-0123456789\n', { mode: 0o600 })
    await using daemon = await startDaemonProcess({
      stateDir: state.path,
      env: {
        CODER_AIBRIDGE_PROVIDER_0_TYPE: 'openai',
        CODER_AIBRIDGE_PROVIDER_0_KEY_FILE: keyFile,
        CODER_AIBRIDGE_PROVIDER_0_BASE_URL: `${provider.url}/v1`,
        CODER_AIBRIDGE_PROVIDER_0_CA_FILE: testPki().certFile,
      },
    })
    const credentials = `u:${await createToken(daemon, 'u')}`
    const ca = await readFile(join(state.path, 'ca.pem'), 'utf8')
    const { socket } = await connectThrough(daemon.proxy, 'api.openai.com:443', { credentials })
    const secure = await secureOver(socket, { servername: 'api.openai.com', ca })
    const keySeen = async (): Promise<string> => {
      secure.write('GET /v1/models HTTP/1.1\r\nHost: api.openai.com\r\n\r\n')
      const head = await readHead(secure)
      await readBytes(secure, Number(head.header('content-length')))
      const raw = provider.exchanges.at(-1)?.rawHeaders ?? []
      return raw[raw.findIndex(name => name.toLowerCase() === 'authorization') + 1] ?? ''
    }
    assert.equal(await keySeen(), 'Bearer sk-first-key-0123456789')

    await writeFile(keyFile, 'sk-second-key-0123456789\n')
    daemon.child.kill('SIGHUP')
    await daemon.waitForLine(line => line['msg'] === 'configuration reloaded')
    assert.equal(await keySeen(), 'Bearer sk-second-key-0123456789', 'same connection, new key')

    await rm(keyFile)
    daemon.child.kill('SIGHUP')
    await daemon.waitForLine(line => String(line['msg']).startsWith('reload failed'))
    assert.equal(await keySeen(), 'Bearer sk-second-key-0123456789')
    secure.destroy()
  })

  it('answers a SIGHUP that comes while it starts once it listens', async () => {
    await using daemon = await startDaemonProcess({
      // Its warning is the first line, logged before anything listens.
      env: { CODER_AIBRIDGE_PROXY_TARGET: 'https://coder.example.com' },
      onSpawn: child => child.stdout?.once('data', () => child.kill('SIGHUP')),
    })
    await daemon.waitForLine(line => line['msg'] === 'configuration reloaded')
  })
})

describe('serve with something wrong', () => {
  const refuses = async (
    env: Readonly<Record<string, string>>,
    expected: RegExp,
    prepare: (stateDir: string) => Promise<void> = async () => {},
  ): Promise<void> => {
    await using state = await stateDirectory()
    await prepare(state.path)
    const result = await runCommand(['serve'], daemonEnv(state.path, env))
    assert.equal(result.code, 2, result.stderr)
    assert.match(result.stderr, expected)
    assert.doesNotMatch(result.stderr, /at .*\.ts:\d/, 'no stack trace')
  }

  it('names the address that is taken, for both ports', async () => {
    const server = createServer()
    const port = await listenOnLoopback(server)
    const taken = `127.0.0.1:${port}`
    await refuses({ CODER_AIBRIDGE_PROXY_LISTEN_ADDR: taken }, new RegExp(taken))
    await refuses({ CODER_HTTP_ADDRESS: taken }, new RegExp(`${taken} \\(CODER_HTTP_ADDRESS\\)`))
    server.close()
  })

  it('shows the first token at the start that succeeds', async () => {
    const server = createServer()
    const port = await listenOnLoopback(server)
    await using state = await stateDirectory()
    const failed = await runCommand(
      ['serve'],
      daemonEnv(state.path, { CODER_AIBRIDGE_PROXY_LISTEN_ADDR: `127.0.0.1:${port}` }),
    )
    server.close()
    assert.equal(failed.code, 2)
    await using daemon = await startDaemonProcess({ stateDir: state.path })
    assert.match(daemon.stderr, /aibp_/)
  })

  it('tells all problems of the configuration at once', async () => {
    const env = {
      CODER_AIBRIDGE_PROXY_ALLOWED_PORTS: '0',
      CODER_AIBRIDGE_PROXY_ALLOWED_PRIVATE_CIDRS: '10.0.0.1/8',
    }
    await refuses(env, /ALLOWED_PRIVATE_CIDRS[\s\S]*ALLOWED_PORTS/)
  })

  it('refuses a CA key that others can read', async () => {
    await refuses({}, /ca\.key.*(0600|600)/, async stateDir => {
      const made = await runCommand(['ca', 'init'], daemonEnv(stateDir))
      assert.equal(made.code, 0, made.stderr)
      await chmod(join(stateDir, 'ca.key'), 0o644)
    })
  })

  it('refuses a host that its CA may not sign for, and names the command', async () => {
    const env = {
      CODER_AIBRIDGE_PROVIDER_0_TYPE: 'openai-compat',
      CODER_AIBRIDGE_PROVIDER_0_NAME: 'gw',
      CODER_AIBRIDGE_PROVIDER_0_BASE_URL: 'https://gw.example/v1',
    }
    await refuses(env, /gw\.example[\s\S]*ca init --force/, async stateDir => {
      const made = await runCommand(
        ['ca', 'init', '--hosts', 'api.openai.com'],
        daemonEnv(stateDir),
      )
      assert.equal(made.code, 0, made.stderr)
    })
  })

  it('refuses a listener certificate that is none', async () => {
    await using state = await stateDirectory()
    const file = join(state.path, 'tls.pem')
    await writeFile(file, 'not a certificate')
    const env = {
      CODER_AIBRIDGE_PROXY_TLS_CERT_FILE: file,
      CODER_AIBRIDGE_PROXY_TLS_KEY_FILE: file,
    }
    await refuses(env, /listener TLS certificate.*tls\.pem/)
  })

  it('refuses a database that is none', async () => {
    await refuses({}, /aibridgeproxyd\.db/, async stateDir => {
      await writeFile(join(stateDir, 'aibridgeproxyd.db'), 'x'.repeat(8192), { mode: 0o600 })
    })
  })
})

describe('the command line', () => {
  const run = (...args: readonly string[]) => runInProcess(args, daemonEnv(tmpdir()))

  it('has --help and --version everywhere', async () => {
    const version = await run('--version')
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/)
    const commands = ['serve', 'run', 'env', 'token', 'ca', 'check', 'docs']
    await Promise.all(
      commands.map(async command => {
        const help = await run(command, '--help')
        assert.equal(help.code, 0)
        assert.match(help.stdout, new RegExp(`aibridgeproxyd \\[?${command}`), command)
      }),
    )
  })

  it('has them behind subcommands and other flags, too, but not behind --', async () => {
    for (const args of [
      ['token', 'create', '--help'],
      ['ca', 'init', '--help'],
      ['serve', '--version'],
      ['check', '--http-address', ':1', '-h'],
    ]) {
      assert.equal((await run(...args)).code, 0, args.join(' '))
    }
    await using state = await stateDirectory()
    const behind = ['run', 'sh', '-c', 'echo "$1"', 'sh', '--help']
    const child = await runCommand(behind, daemonEnv(state.path))
    assert.equal(child.stdout, '--help\n')
  })

  it('takes options of the table for every command that reads the state', async () => {
    await using state = await stateDirectory()
    const flags = ['--aibridge-proxy-state-dir', state.path]
    const env = daemonEnv('/nonexistent')
    const made = await runInProcess(['token', 'create', '--user', 'ada', ...flags], env)
    assert.equal(made.code, 0, made.stderr)
    const listed = await runInProcess(['token', 'list', ...flags], env)
    assert.match(listed.stdout, /ada/)
    assert.equal((await runInProcess(['ca', 'init', ...flags], env)).code, 0)
  })

  it('refuses unknown commands and flags with 2', async () => {
    const command = await run('sevre')
    assert.equal(command.code, 2)
    assert.match(command.stderr, /unknown command: sevre/)
    const flag = await run('check', '--aibridge-proxy-listen-adr', 'x')
    assert.equal(flag.code, 2)
    assert.match(flag.stderr, /--aibridge-proxy-listen-addr/)
  })
})
