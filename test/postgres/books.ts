import { after } from 'node:test'
import { PostgresBooks } from '../../src/record/postgres-books.ts'
import { books } from '../record/books-support.ts'
import { parsePostgresUrl, startPostgres } from '../support/postgres.ts'

/*
 * The tests of the books that fit any store, once more over a real PostgreSQL.
 */

const postgres = await startPostgres()
after(() => postgres[Symbol.asyncDispose]())
const urls = new Map<string, string>()

books.placeOf = stateDir => {
  const url = urls.get(stateDir) ?? postgres.createDatabase()
  urls.set(stateDir, url)
  const server = parsePostgresUrl(url)
  return {
    openStore: options => new PostgresBooks({ ...options, server }),
    rows: sql => postgres.rows(url, sql),
  }
}

await import('../record/recorder.test.ts')
await import('../record/structured-log.test.ts')
await import('../record/limits/budgets.test.ts')
await import('../admin/records.test.ts')
