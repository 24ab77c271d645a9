import { existsSync } from 'node:fs'
import type { PostgresServer } from '../config/types/postgres-url.ts'
import { ConfigurationError } from '../kernel/error.ts'
import { databaseFile, openDatabase } from './database.ts'
import { SqliteRunner } from './sqlite-runner.ts'
import type { Work } from './work.ts'

/** Where a deployment keeps tokens and records. */
export interface RecordPlace {
  readonly stateDir: string
  /** Unset: in SQLite, in the state directory. */
  readonly postgres?: PostgresServer | undefined
}

/**
 * For questions about what is there: a place that was named wrongly is not to become one.
 * @throws ConfigurationError
 */
export function requireRecords({ stateDir, postgres }: RecordPlace): void {
  const file = databaseFile(stateDir)
  if (postgres !== undefined || existsSync(file)) return
  throw new ConfigurationError([
    `there are no records in ${file}: is CODER_AIBRIDGE_PROXY_STATE_DIR the daemon's?`,
  ])
}

/**
 * Does one piece of work on the database itself, for commands: a daemon is not
 * needed, and one that runs sees the change at once. It is a transaction, and
 * nobody else makes or revokes a token during it.
 * @throws ConfigurationError or Error, naming the database and the fix
 */
export async function withTokens<T>(place: RecordPlace, work: () => Work<T>): Promise<T> {
  if (place.postgres !== undefined) {
    // Loaded only where there is a server.
    const { withPostgresTokens } = await import('./postgres/token-book.ts')
    return await withPostgresTokens(place.postgres, work)
  }
  using database = openDatabase(place.stateDir)
  return new SqliteRunner(database).transaction(work())
}
