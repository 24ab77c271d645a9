import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { type PostgresServer, postgresUrl } from '../../src/config/types/postgres-url.ts'
import type { IssuedCertificate } from './pki.ts'

/** A server of this process alone, on a Unix socket. */
export interface PostgresProcess extends AsyncDisposable {
  /** A fresh, empty database; its URL. */
  createDatabase(): string
  /** Rows, by SQL as the superuser. */
  rows(url: string, sql: string): Record<string, unknown>[]
  stop(how: 'fast' | 'immediate'): Promise<void>
  start(): Promise<void>
}

export interface PostgresOptions {
  /** Lines of postgresql.conf, the last of which wins. Without any, nothing is flushed to the disk. */
  readonly settings?: readonly string[]
  /** Serves TLS, and nothing else, on this port of 127.0.0.1; callers have the password. */
  readonly tls?: {
    readonly port: number
    readonly password: string
    readonly certificate: IssuedCertificate
  }
}

/** @throws Error when it is not installed */
export async function startPostgres({
  settings = ['fsync=off', 'full_page_writes=off'],
  tls,
}: PostgresOptions = {}): Promise<PostgresProcess> {
  const directory = mkdtempSync('/tmp/aibp-pg-')
  const data = join(directory, 'data')
  const owner = unprivileged()
  if (owner !== undefined) chownSync(directory, owner.uid, owner.gid)
  const options = { ...owner, cwd: directory, stdio: 'pipe' as const }
  const initdb = ['-D', data, '--no-sync', '-A', 'trust', '-U', 'postgres', '-E', 'UTF8']
  execFileSync(need('initdb'), [...initdb, '--locale=C.UTF-8', '--no-instructions'], options)

  const place = (name: string, content: string): string => {
    const file = join(data, name)
    writeFileSync(file, content, { mode: 0o600 })
    if (owner !== undefined) chownSync(file, owner.uid, owner.gid)
    return file
  }
  const tlsSettings: string[] = []
  if (tls !== undefined) {
    place('pg_hba.conf', 'local all all trust\nhostssl all all all scram-sha-256\n')
    tlsSettings.push(
      'ssl=on',
      `ssl_cert_file=${place('server.pem', tls.certificate.certPem)}`,
      `ssl_key_file=${place('server.key', tls.certificate.keyPem)}`,
      `port=${tls.port}`,
    )
  }
  let server: ChildProcess | undefined
  let databases = 0
  const psql = (database: string, sql: string): string => {
    const to = [
      '-h',
      directory,
      '-p',
      String(tls?.port ?? 5432),
      '-U',
      'postgres',
      '-d',
      database,
      '-X',
      '-q',
      '-A',
      '-t',
    ]
    return execFileSync(need('psql'), [...to, '-v', 'ON_ERROR_STOP=1', '-c', sql], options)
      .toString()
      .trim()
  }
  const started: PostgresProcess = {
    createDatabase() {
      databases += 1
      psql('postgres', `CREATE DATABASE test${databases}`)
      return `postgres://postgres@localhost/test${databases}?host=${directory}`
    },
    rows(url, sql) {
      const path = 'SET search_path = aibridgeproxyd;'
      const database = new URL(url).pathname.slice(1)
      // An INSERT or UPDATE has no rows, and cannot be asked for them.
      if (!/^\s*SELECT/i.test(sql)) return JSON.parse(`[${psql(database, `${path} ${sql}`)}]`)
      const json = psql(database, `${path} SELECT coalesce(json_agg(r), '[]') FROM (${sql}) r`)
      return JSON.parse(json)
    },
    async start() {
      const flags = [...settings, ...tlsSettings].flatMap(setting => ['-c', setting])
      const listen = tls === undefined ? '' : '127.0.0.1'
      const own = ['-D', data, '-k', directory, '-c', `listen_addresses=${listen}`]
      server = spawn(need('postgres'), [...own, ...flags], { ...options, stdio: 'pipe' })
      let log = ''
      const ready = Promise.withResolvers<void>()
      server.stderr?.on('data', (chunk: Buffer) => {
        log += chunk.toString()
        if (log.includes('database system is ready to accept')) ready.resolve()
      })
      server.once('exit', () => ready.reject(new Error(`PostgreSQL ended:\n${log}`)))
      await ready.promise
    },
    async stop(how) {
      if (server === undefined || server.exitCode !== null) return
      const exited = once(server, 'exit')
      server.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT')
      await exited
    },
    async [Symbol.asyncDispose]() {
      await started.stop('immediate')
      rmSync(directory, { recursive: true, force: true })
    },
  }
  // A test that crashes leaves no server behind.
  process.once('exit', () => server?.kill('SIGQUIT'))
  await started.start()
  if (tls !== undefined) psql('postgres', `ALTER ROLE postgres PASSWORD '${tls.password}'`)
  return started
}

export function parsePostgresUrl(url: string): PostgresServer {
  const result = postgresUrl.parse(url)
  if (!result.ok) throw new Error(result.problem)
  return result.value
}

/** PostgreSQL refuses to run as root. */
function unprivileged(): { readonly uid: number; readonly gid: number } | undefined {
  if (userInfo().uid !== 0) return undefined
  const id = (flag: string): number => {
    try {
      return Number(execFileSync('id', [flag, 'postgres'], { stdio: 'pipe' }).toString())
    } catch {
      return 65_534
    }
  }
  return { uid: id('-u'), gid: id('-g') }
}

function need(name: string): string {
  const found = binary(name)
  if (found === undefined) {
    throw new Error('PostgreSQL is not installed (Debian: apt-get install postgresql)')
  }
  return found
}

/** Debian keeps the programs of each release apart; the newest is taken. */
function binary(name: string): string | undefined {
  const places = (process.env['PATH'] ?? '').split(':')
  const debian = globSync('/usr/lib/postgresql/*/bin').toSorted(byRelease)
  return [...debian, ...places].map(place => join(place, name)).find(file => existsSync(file))
}

function byRelease(a: string, b: string): number {
  const release = (path: string): number => Number(path.split('/')[4])
  return release(b) - release(a)
}
