import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ConfigurationError, describeError } from '../kernel/error.ts'
import { secureDirectory, securePrivateFile } from './state-file.ts'

/**
 * Several processes may share a state directory, and each must know which of
 * the others still live, so as to close the calls of those that do not. Each
 * holds a lock on a file of its own for as long as it lives: the kernel lets go
 * of it at the moment of death, and no clock or process id can be mistaken.
 */
export interface Instance extends Disposable {
  readonly id: string
}

/** @throws ConfigurationError when the file cannot be made. */
export function lockInstance(stateDir: string): Instance {
  const id = randomUUID()
  try {
    secureDirectory(stateDir)
    mkdirSync(join(stateDir, DIRECTORY), { recursive: true, mode: 0o700 })
    const file = instanceFile(stateDir, id)
    securePrivateFile(file)
    const database = new DatabaseSync(file, { timeout: 0 })
    database.exec('BEGIN EXCLUSIVE')
    return {
      id,
      [Symbol.dispose]() {
        database.close()
        removeQuietly(file)
      },
    }
  } catch (error) {
    if (error instanceof ConfigurationError) throw error
    throw new ConfigurationError([
      `${stateDir} cannot be locked: ${describeError(error)}: name another directory (CODER_AIBRIDGE_PROXY_STATE_DIR), or mend its owner`,
    ])
  }
}

/** Whether the process that made this instance is gone. */
export function isDead(stateDir: string, id: string): boolean {
  try {
    securePrivateFile(instanceFile(stateDir, id))
    using database = new DatabaseSync(instanceFile(stateDir, id), { timeout: 0 })
    database.exec('BEGIN EXCLUSIVE; ROLLBACK')
    return true
  } catch {
    // Locked, or not to be told: the next look may know more.
    return false
  }
}

/** Takes away what a dead instance left behind. */
export function forgetInstance(stateDir: string, id: string): void {
  removeQuietly(instanceFile(stateDir, id))
}

/** A file without its owner does no harm; a disk that fails must not stop the end. */
function removeQuietly(file: string): void {
  try {
    rmSync(file, { force: true })
  } catch {
    // It stays.
  }
}

const DIRECTORY = 'instances'
const INSTANCE_ID = /^[0-9a-f-]{36}$/

/** SECURITY: the id comes out of the database; it must not lead elsewhere. */
function instanceFile(stateDir: string, id: string): string {
  if (!INSTANCE_ID.test(id)) throw new Error('not an instance id')
  return join(stateDir, DIRECTORY, `${id}.lock`)
}
