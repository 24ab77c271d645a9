import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { freePort } from './listen.ts'
import { testPki } from './pki.ts'

/** A real squid on 127.0.0.1, with its own directory, that goes away when disposed. */
export interface Squid extends AsyncDisposable {
  readonly port: number
  /** What it wrote about the connections so far: one line each. */
  accessLog(): string
}

export interface SquidOptions {
  /** Speak TLS to clients, with a certificate of the test CA for `localhost`. */
  readonly tls?: boolean
  readonly credentials?: { readonly user: string; readonly password: string }
  /** Names that squid alone knows, as 127.0.0.1. */
  readonly hosts?: readonly string[]
}

/** The address from which squid reaches origins, so that they can tell it apart. */
export const SQUID_ADDRESS = '127.0.0.77'

const SQUID = '/usr/sbin/squid'
const SHARED_MEMORY = '/dev/shm'
let started = 0
const NCSA_AUTH = '/usr/lib/squid/basic_ncsa_auth'

/** For `skip`: why squid cannot be used here, or false. */
export function squidMissing(): string | false {
  return [SQUID, NCSA_AUTH].every(file => existsSync(file))
    ? false
    : 'squid is not installed (Debian: apt-get install squid-openssl)'
}

export async function startSquid(options: SquidOptions = {}): Promise<Squid> {
  const dir = mkdtempSync(join(tmpdir(), 'aibridge-squid-'))
  // Squid gives up root and must still read and write here.
  chmodSync(dir, 0o777)
  const port = await freePort()
  const file = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text)
    return join(dir, name)
  }
  const hosts = ['localhost', ...(options.hosts ?? [])].map(name => `127.0.0.1 ${name}\n`).join('')

  const config = file(
    'squid.conf',
    [
      options.tls ? tlsPort(port, file) : `http_port 127.0.0.1:${port}`,
      ...accessRules(options, file),
      `tcp_outgoing_address ${SQUID_ADDRESS}`,
      `hosts_file ${file('hosts', hosts)}`,
      `pid_filename ${dir}/squid.pid`,
      `access_log stdio:${dir}/access.log`,
      `cache_log ${dir}/cache.log`,
      `coredump_dir ${dir}`,
      'cache deny all',
      'cache_mem 0',
      'memory_cache_shared off',
      'netdb_filename none',
      'pinger_enable off',
      'max_filedescriptors 256',
      'shutdown_lifetime 0 seconds',
      'visible_hostname squid.test',
    ].join('\n'),
  )

  // Squids of one service name share memory, and trip over what a killed one left.
  started += 1
  const service = `aibridge${process.pid}n${started}`
  const child = spawn(SQUID, ['-N', '-d', '1', '-n', service, '-f', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const seen: string[] = []
  let ready = false
  for await (const line of createInterface(child.stderr)) {
    seen.push(line)
    ready = line.includes('Accepting HTTP')
    if (ready) break
  }
  if (!ready) throw new Error(`squid did not start:\n${seen.join('\n')}`)
  child.stderr.resume()
  await untilListening(port)

  return {
    port,
    accessLog: () => readFileSync(join(dir, 'access.log'), 'utf8'),
    [Symbol.asyncDispose]: async () => {
      const exited = once(child, 'exit')
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await exited
      }
      rmSync(dir, { recursive: true, force: true })
      for (const name of globSync(`${service}-*`, { cwd: SHARED_MEMORY })) {
        rmSync(join(SHARED_MEMORY, name), { force: true })
      }
    },
  }
}

/** Squid says that it accepts connections a moment before it does. */
async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch (error) {
      if (attempt === 200) throw error
      await setTimeout(5)
    } finally {
      socket.destroy()
    }
  }
}

type WriteFile = (name: string, text: string) => string

function tlsPort(port: number, file: WriteFile): string {
  const { certPem, keyPem } = testPki().issue(['localhost', '127.0.0.1'])
  return `https_port 127.0.0.1:${port} tls-cert=${file('cert.pem', certPem)} tls-key=${file('key.pem', keyPem)}`
}

function accessRules({ credentials }: SquidOptions, file: WriteFile): string[] {
  if (credentials === undefined) return ['http_access allow all']
  const hash = execFileSync('openssl', ['passwd', '-apr1', '-stdin'], {
    input: credentials.password,
    encoding: 'utf8',
  })
  return [
    `auth_param basic program ${NCSA_AUTH} ${file('passwd', `${credentials.user}:${hash}`)}`,
    'auth_param basic realm test',
    'auth_param basic children 1 startup=1',
    'acl known proxy_auth REQUIRED',
    'http_access allow known',
    'http_access deny all',
  ]
}
