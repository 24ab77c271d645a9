import { readFileSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../ca/atomic-file.ts'
import { errorCode } from '../kernel/error.ts'
import type { ListenAddress } from '../kernel/target.ts'

/** What commands in another shell need to know of the daemon that runs. */
export interface RunningDaemon {
  readonly pid: number
  /** The main listener, as it is bound. */
  readonly proxy: ListenAddress
  /** The API listener, as it is bound. */
  readonly api: ListenAddress
  /** It speaks TLS. */
  readonly tls: boolean
  readonly caFile: string
  readonly bundleFile: string
  /** Types of the providers that have a central key. */
  readonly keyedTypes: readonly string[]
  /** Access URL of the deployment whose users may call; in remote mode only. */
  readonly deployment?: string
}

function fileIn(stateDir: string): string {
  return join(stateDir, 'daemon.json')
}

/**
 * Says in the state directory that the daemon runs, for its user only, until
 * disposed. What another daemon has said since, a successor while this one
 * drains, stays.
 */
export async function announce(
  stateDir: string,
  daemon: RunningDaemon,
): Promise<Disposable & { renew(daemon: RunningDaemon): Promise<void> }> {
  const file = fileIn(stateDir)
  let said = ''
  const renew = (next: RunningDaemon): Promise<void> => {
    said = `${JSON.stringify(next)}\n`
    return replaceFile(file, said, 0o600)
  }
  await renew(daemon)
  return {
    renew,
    [Symbol.dispose]() {
      if (isText(file, said)) rmSync(file, { force: true })
    },
  }
}

function isText(file: string, text: string): boolean {
  try {
    return readFileSync(file, 'utf8') === text
  } catch {
    // Gone, with its directory or by somebody's hand: nothing is left to take away.
    return false
  }
}

/** The daemon of this state directory, if its process is alive. */
export async function findRunning(stateDir: string): Promise<RunningDaemon | undefined> {
  const text = await readFile(fileIn(stateDir), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const daemon = parse(text)
  return daemon !== undefined && isAlive(daemon.pid) ? daemon : undefined
}

function parse(text: string): RunningDaemon | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRunning(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isRunning(value: unknown): value is RunningDaemon {
  if (typeof value !== 'object' || value === null) return false
  const { pid, proxy, api, tls, caFile, bundleFile, keyedTypes, deployment } =
    value as Partial<RunningDaemon>
  return (
    Number.isInteger(pid) &&
    isAddress(proxy) &&
    isAddress(api) &&
    typeof tls === 'boolean' &&
    typeof caFile === 'string' &&
    typeof bundleFile === 'string' &&
    Array.isArray(keyedTypes) &&
    (deployment === undefined || typeof deployment === 'string')
  )
}

function isAddress(value: Partial<ListenAddress> | undefined): boolean {
  return typeof value?.host === 'string' && Number.isInteger(value.port)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It is there, but somebody else's.
    return errorCode(error) === 'EPERM'
  }
}
