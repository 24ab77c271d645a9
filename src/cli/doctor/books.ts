import type { PostgresServer } from '../../config/types/postgres-url.ts'
import { createClient } from '../../record/postgres/connection.ts'
import { explainPostgres } from '../../record/postgres/errors.ts'
import { serverData } from '../../record/postgres/server-data.ts'
import type { Finding } from './finding.ts'

/** The server that the records go to, and what is wrong with it; nothing is written. */
export interface BooksFacts {
  readonly server: string
  /** With what mends it, where that is known; undefined when it answers. */
  readonly error: string | undefined
}

export async function gatherBooks(server: PostgresServer): Promise<BooksFacts> {
  return {
    server: `${server.host}:${server.port}/${server.database}`,
    error: await probe(server).then(() => undefined, explainPostgres),
  }
}

async function probe(server: PostgresServer): Promise<void> {
  const client = createClient(serverData(server))
  // It says so a second time when a connection breaks.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('SELECT 1')
  } finally {
    await client.end().catch(() => {})
  }
}

export function judgeBooks({ server, error }: BooksFacts): Finding {
  const about = 'PostgreSQL'
  return error === undefined
    ? { about, state: 'ok', text: `${server} answers` }
    : { about, state: 'failed', text: `${server}: ${error}`, fix: 'check CODER_PG_CONNECTION_URL' }
}
