import { existsSync } from 'node:fs'
import { ConfigurationError } from '../kernel/error.ts'
import type { RecordQueries } from '../kernel/records.ts'
import { databaseFile } from './database.ts'
import { serverData } from './postgres/server-data.ts'
import { BookReader } from './reader.ts'
import type { RecordPlace } from './token-book.ts'

/**
 * Asks the database itself, without changing it, whether or not a daemon runs.
 * @throws ConfigurationError where there are no records, or Error
 */
export async function askBooks<K extends keyof RecordQueries>(
  { stateDir, postgres }: RecordPlace,
  question: K,
  argument: RecordQueries[K]['argument'],
): Promise<RecordQueries[K]['answer']> {
  if (postgres !== undefined) {
    const { PostgresReader } = await import('./postgres/reader.ts')
    await using reader = new PostgresReader(serverData(postgres))
    return await reader.ask(question, argument)
  }
  const file = databaseFile(stateDir)
  if (!existsSync(file)) {
    throw new ConfigurationError([
      `there are no records in ${file}: is CODER_AIBRIDGE_PROXY_STATE_DIR the daemon's?`,
    ])
  }
  using reader = new BookReader(stateDir)
  return reader.ask(question, argument)
}
