import type { RecordQueries } from '../kernel/records.ts'
import { serverData } from './postgres/server-data.ts'
import { BookReader } from './reader.ts'
import { type RecordPlace, requireRecords } from './token-book.ts'

/**
 * Asks the database itself, without changing it, whether or not a daemon runs.
 * @throws ConfigurationError where there are no records, or Error
 */
export async function askBooks<K extends keyof RecordQueries>(
  place: RecordPlace,
  question: K,
  argument: RecordQueries[K]['argument'],
): Promise<RecordQueries[K]['answer']> {
  requireRecords(place)
  const { stateDir, postgres } = place
  if (postgres !== undefined) {
    const { PostgresReader } = await import('./postgres/reader.ts')
    await using reader = new PostgresReader(serverData(postgres))
    return await reader.ask(question, argument)
  }
  using reader = new BookReader(stateDir)
  return reader.ask(question, argument)
}
