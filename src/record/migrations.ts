import type { DatabaseSync } from 'node:sqlite'
import { ConfigurationError } from '../kernel/error.ts'
import { ANSWERS, LIMITS } from './limits/schema.ts'
import {
  BACKGROUND,
  BOOKS,
  COSTS,
  FUTILE_CONNECTS,
  INJECTED_TOOLS,
  REFUSED_KEYS,
} from './schema.ts'

/**
 * The schema, forward only: entry N takes a database from version N to N + 1,
 * and an entry that was released is never edited. Times are milliseconds since
 * the epoch. Callers' tokens and the books share one file, so that one backup
 * holds both and a record can refer to its token.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE tokens (
    id         TEXT    PRIMARY KEY,
    hash       TEXT    NOT NULL UNIQUE CHECK (length(hash) = 43),
    user       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    admin      INTEGER NOT NULL CHECK (admin IN (0, 1)),
    hint       TEXT    NOT NULL CHECK (length(hint) <= 4),
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
  ) STRICT;
  `,
  BOOKS,
  LIMITS,
  COSTS,
  INJECTED_TOOLS,
  REFUSED_KEYS,
  FUTILE_CONNECTS,
  BACKGROUND,
  ANSWERS,
]

/**
 * Brings the schema up to date. Another process may do the same at this moment:
 * the version is read again under the write lock.
 * @throws ConfigurationError when a later release wrote the database.
 */
export function migrate(database: DatabaseSync, file: string): void {
  if (checkedVersion(database, file) === MIGRATIONS.length) return
  database.exec('BEGIN IMMEDIATE')
  try {
    for (const sql of MIGRATIONS.slice(checkedVersion(database, file))) database.exec(sql)
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`)
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function checkedVersion(database: DatabaseSync, file: string): number {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
  if (version <= MIGRATIONS.length) return version
  throw new ConfigurationError([
    `${file} was written by a later release (schema ${version}, this one knows ${MIGRATIONS.length}): ` +
      'install that release again, or restore the backup made before the upgrade',
  ])
}
