import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ConfigurationError, describeError } from '../kernel/error.ts'
import { migrate } from './migrations.ts'
import { secureDirectory, securePrivateFile } from './state-file.ts'

/** Two processes may share the file (`token create` beside `serve`). */
const BUSY_TIMEOUT_MS = 5000
const WAL_ATTEMPTS = 50

/** 3.51.3 mends the WAL-reset fault, which could corrupt a shared database. */
const OLDEST_SQLITE = [3, 51, 3] as const

export function databaseFile(stateDir: string): string {
  return join(stateDir, 'aibridgeproxyd.db')
}

/**
 * Opens the database of a state directory, creating both where missing, with
 * the schema up to date. Blocks: for commands and the store's worker only.
 * @throws ConfigurationError naming the file and the fix.
 */
export function openDatabase(stateDir: string, busyTimeoutMs = BUSY_TIMEOUT_MS): DatabaseSync {
  refuseOldSqlite(process.versions['sqlite'])
  secureDirectory(stateDir)
  const file = databaseFile(stateDir)
  securePrivateFile(file)

  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(file, { timeout: busyTimeoutMs, defensive: true })
    // Only an empty file takes this: what retention frees goes back to the disk.
    database.exec('PRAGMA auto_vacuum = INCREMENTAL')
    enterWal(database)
    // A token that was printed, or a call that was begun, survives power loss.
    database.exec('PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
    migrate(database, file)
    return database
  } catch (error) {
    database?.close()
    if (error instanceof ConfigurationError) throw error
    throw new ConfigurationError([`${file}: ${explain(error)}`])
  }
}

/** Counts the commits of other connections: unequal means that something changed. */
export function dataVersion(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA data_version').get()?.['data_version'])
}

/** @throws ConfigurationError when `version` ("3.51.3") is older than we can trust. */
export function refuseOldSqlite(version: string | undefined): void {
  const parts = (version ?? '0').split('.').map(Number)
  for (const [index, oldest] of OLDEST_SQLITE.entries()) {
    const part = parts[index] ?? 0
    if (part > oldest) return
    if (part < oldest) {
      throw new ConfigurationError([
        `this Node carries SQLite ${version ?? 'unknown'}, and ${OLDEST_SQLITE.join('.')} is the oldest that is safe: use a newer Node`,
      ])
    }
  }
}

/**
 * The switch to WAL does not wait for the busy timeout when two processes make
 * it at once, so the waiting is done here.
 */
function enterWal(database: DatabaseSync): void {
  for (let attempt = 1; ; attempt += 1) {
    try {
      database.exec('PRAGMA journal_mode = WAL')
      return
    } catch (error) {
      if (sqliteCode(error) !== SQLITE.busy || attempt === WAL_ATTEMPTS) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
}

/** Primary result codes, https://sqlite.org/rescode.html. */
export const SQLITE = {
  busy: 5,
  readonly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  tooBig: 18,
  constraint: 19,
  mismatch: 20,
  range: 25,
  notADatabase: 26,
}

const FIXES: Record<number, string> = {
  [SQLITE.busy]: 'another process holds it locked: stop that process',
  [SQLITE.readonly]: 'it is read-only: make the file and its directory writable',
  [SQLITE.ioError]: 'the disk fails: look at the system log',
  [SQLITE.corrupt]: 'it is damaged: restore a backup, or move it away to start anew',
  [SQLITE.full]: 'the disk is full: make room',
  [SQLITE.cantOpen]: 'it cannot be opened: check its directory',
  [SQLITE.notADatabase]: 'it is not a database: restore a backup, or move it away to start anew',
}

/** What is wrong with the database and what mends it. */
export function explain(error: unknown): string {
  return FIXES[sqliteCode(error)] ?? describeError(error)
}

/** The primary result code of an error of SQLite's; 0 for any other error. */
export function sqliteCode(error: unknown): number {
  const coded = error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
  // Extended codes carry the primary one in their low byte.
  return coded ? Number(error.errcode) & 0xff : 0
}
