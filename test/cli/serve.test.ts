import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { runInProcess } from '../support/command-line.ts'
import { mayReach, startTestDaemon } from '../support/daemon.ts'
import {
  createToken,
  type DaemonProcess,
  daemonEnv,
  runCommand,
  startDaemonProcess,
} from '../support/daemon-process.ts'
import { listenOnLoopback } from '../support/listen.ts'
import { echo, startTcpOrigin } from '../support/origin.ts'
import { testPki } from '../support/pki.ts'
import { startProvider } from '../support/provider.ts'
import { connectThrough, readBytes, readHead, secureOver } from '../support/raw-client.ts'

interface StartedTunnel extends AsyncDisposable {
  readonly daemon: DaemonProcess
  readonly connect: () => ReturnType<typeof connectThrough>
  readonly socket: Socket
}

async function stateDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'aibridge-serve-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

describe('serve', () => {
  it('starts with nothing configured, and shows a token at the first start that succeeds only', async () => {
    await using state = await stateDirectory()
    const server = createServer()
    const port = await listenOnLoopback(server)
    const taken = { CODER_AIBRIDGE_PROXY_LISTEN_ADDR: `127.0.0.1:${port}` }
    const failed = await runCommand(['serve'], daemonEnv(state.path, taken))
    server.close()
    assert.equal(failed.code, 2)
    assert.match(failed.stderr, /^aibridgeproxyd: failed to listen on .*another process has it/)
    assert.doesNotMatch(failed.stderr, /at .*\.ts:\d/, 'no stack trace')

    let fingerprint: unknown
    {
      await using daemon = await startDaemonProcess({ stateDir: state.path })
      await saysWhatIsNext(daemon)
      fingerprint = await fingerprintOf(daemon)
    }
    await using again = await startDaemonProcess({ stateDir: state.path })
    assert.doesNotMatch(again.stderr, /aibp_/)
    assert.equal(await fingerprintOf(again), fingerprint, 'the same CA')
  })

  /** In four lines, one with a token that works and is in no log. */
  const saysWhatIsNext = async (daemon: DaemonProcess): Promise<void> => {
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
  }
  const fingerprintOf = async (daemon: DaemonProcess): Promise<unknown> =>
    (await daemon.waitForLine(({ msg }) => msg === 'listening'))['ca_fingerprint']

  const startWithTunnel = async (): Promise<StartedTunnel> => {
    await using opened = new AsyncDisposableStack()
    const { port, authority } = opened.use(await startTcpOrigin(echo))
    const daemon = opened.use(await startDaemonProcess({ env: mayReach(port) }))
    const credentials = `u:${await createToken(daemon, 'u')}`
    const connect = () => connectThrough(daemon.proxy, authority, { credentials })
    const { socket } = await connect()
    const keep = opened.move()
    return { daemon, connect, socket, [Symbol.asyncDispose]: () => keep.disposeAsync() }
  }

  it('lets open tunnels finish at SIGTERM, refuses new ones, and exits with 0', async () => {
    await using started = await startWithTunnel()
    const { daemon, connect, socket } = started
    const stopped = daemon.stop('SIGTERM')
    await daemon.waitForLine(line => line['msg'] === 'draining')
    socket.write('still here')
    assert.equal(String(await readBytes(socket, 10)), 'still here')
    await assert.rejects(connect())
    socket.destroy()
    assert.equal(await stopped, 0)
  })

  it('ends when its start fails after the ports are open', async () => {
    await using state = await stateDirectory()
    await mkdir(join(state.path, 'trusted.pem'))
    const { code, stderr } = await runCommand(['serve'], daemonEnv(state.path))
    assert.equal(code, 1)
    assert.match(stderr, /trusted\.pem/)
  })

  it('stops at once at a second signal', async () => {
    await using started = await startWithTunnel()
    const { daemon, socket } = started
    const closed = new Promise(resolve => socket.resume().once('close', resolve))
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

    // Some tools have logs opened again with it; Node would open a debugger port.
    daemon.child.kill('SIGUSR1')
    await writeFile(keyFile, 'sk-second-key-0123456789\n')
    daemon.child.kill('SIGHUP')
    await daemon.waitForLine(line => line['msg'] === 'configuration reloaded')
    assert.equal(await keySeen(), 'Bearer sk-second-key-0123456789', 'same connection, new key')

    await rm(keyFile)
    daemon.child.kill('SIGHUP')
    await daemon.waitForLine(line => String(line['msg']).startsWith('reload failed'))
    assert.equal(await keySeen(), 'Bearer sk-second-key-0123456789')
    assert.doesNotMatch(daemon.stderr, /Debugger/)
    secure.destroy()
  })

  it('answers a SIGHUP that comes while it starts once it listens; under systemd it shows no token', async () => {
    await using daemon = await startDaemonProcess({
      env: {
        // Its warning is the first line, logged before anything listens.
        CODER_AIBRIDGE_PROXY_TARGET: 'https://coder.example.com',
        JOURNAL_STREAM: '8:1',
      },
      onSpawn: child => child.stdout?.once('data', () => child.kill('SIGHUP')),
    })
    await daemon.waitForLine(line => line['msg'] === 'configuration reloaded')
    assert.match(daemon.stderr, /^proxy /)
    assert.doesNotMatch(daemon.stderr, /aibp_/)
  })
})

describe('serve with something wrong', () => {
  /** By `check`, which looks at these with the code of the start. */
  const refuses = async (
    env: Readonly<Record<string, string>>,
    expected: RegExp,
    prepare: (stateDir: string) => Promise<void> = async () => {},
  ): Promise<void> => {
    await using state = await stateDirectory()
    await prepare(state.path)
    const result = await runInProcess(['check'], daemonEnv(state.path, env))
    assert.equal(result.code, 2, result.stderr)
    assert.match(result.stderr, expected)
  }
  const makeAuthority = async (stateDir: string, ...flags: readonly string[]): Promise<void> => {
    const made = await runInProcess(['ca', 'init', ...flags], daemonEnv(stateDir))
    assert.equal(made.code, 0, made.stderr)
  }

  it('names the option of the address that is taken', async () => {
    const server = createServer()
    const port = await listenOnLoopback(server)
    for (const option of ['CODER_AIBRIDGE_PROXY_LISTEN_ADDR', 'CODER_HTTP_ADDRESS']) {
      const env = { [option]: `127.0.0.1:${port}` }
      await assert.rejects(startTestDaemon({ env }), {
        name: 'ConfigurationError',
        message: new RegExp(`127\\.0\\.0\\.1:${port} \\(${option}\\): .*choose another port`),
      })
    }
    server.close()
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
      await makeAuthority(stateDir)
      await chmod(join(stateDir, 'ca.key'), 0o644)
    })
  })

  it('refuses a host that its CA may not sign for, and names the command', async () => {
    const env = {
      CODER_AIBRIDGE_PROVIDER_0_TYPE: 'openai-compat',
      CODER_AIBRIDGE_PROVIDER_0_NAME: 'gw',
      CODER_AIBRIDGE_PROVIDER_0_BASE_URL: 'https://gw.example/v1',
    }
    await refuses(env, /gw\.example[\s\S]*ca rotate/, stateDir =>
      makeAuthority(stateDir, '--hosts', 'api.openai.com'),
    )
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
    await using state = await stateDirectory()
    await writeFile(join(state.path, 'aibridgeproxyd.db'), 'x'.repeat(8192), { mode: 0o600 })
    const result = await runCommand(['serve'], daemonEnv(state.path))
    assert.equal(result.code, 2)
    assert.match(result.stderr, /aibridgeproxyd\.db/)
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
    // Where it is not the shell's, nothing writes the file.
    await using state = await stateDirectory()
    const file = join(state.path, 'said')
    const behind = ['run', 'sh', '-c', `echo "$1" > ${file}`, 'sh', '--help']
    assert.equal((await runInProcess(behind, daemonEnv(state.path))).code, 0)
    assert.equal(await readFile(file, 'utf8'), '--help\n')
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
