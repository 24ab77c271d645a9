import { createHash } from 'node:crypto'
import { cp, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseJsonObject } from '../support/json.ts'
import { runProcess } from './process.ts'

/** Where the pinned clients are, or why they are not. */
export interface Installation {
  readonly dir: string
  readonly problem: string | undefined
}

const INSTALL_TIMEOUT_MS = 300_000

/**
 * Installs the clients of this folder's lock file, once per content of that
 * file, into `$XDG_CACHE_HOME/aibridgeproxyd-clients/<hash>`.
 */
export async function installClients(): Promise<Installation> {
  const lock = await readFile(join(import.meta.dirname, 'package-lock.json'))
  const hash = createHash('sha256').update(lock).digest('hex').slice(0, 16)
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const dir = join(cache, 'aibridgeproxyd-clients', hash)
  if ((await readOptional(join(dir, 'complete'))) !== undefined) return { dir, problem: undefined }

  console.log(`installing the clients into ${dir} (1.6 GB, once)`)
  const building = `${dir}.${process.pid}`
  await mkdir(building, { recursive: true })
  for (const file of ['package.json', 'package-lock.json']) {
    await cp(join(import.meta.dirname, file), join(building, file))
  }

  const env = { ...process.env, npm_config_update_notifier: 'false' }
  // Not `npm ci`: it refuses a lock without the other platforms' optional packages.
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', building]
  const done = await runProcess('npm', args, { env, cwd: building, timeoutMs: INSTALL_TIMEOUT_MS })
  if (done.code !== 0) {
    await rm(building, { recursive: true, force: true })
    const [why = `exit ${done.code}`] = /(?<=npm error (?!code)).*/.exec(done.output) ?? []
    return { dir, problem: `npm install failed: ${why}` }
  }
  await cp(join(building, 'package.json'), join(building, 'complete'))
  await rm(dir, { recursive: true, force: true })
  await rename(building, dir)
  return { dir, problem: undefined }
}

/** The version of an installed package; undefined if it is not there. */
export async function installedVersion(dir: string, name: string): Promise<string | undefined> {
  const text = await readOptional(join(dir, 'node_modules', name, 'package.json'))
  if (text === undefined) return undefined
  const { version } = parseJsonObject(text) as { version?: unknown }
  return typeof version === 'string' ? version : undefined
}

async function readOptional(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined)
}
