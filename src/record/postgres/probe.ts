import type { PostgresServer } from '../../config/types/postgres-url.ts'
import { type Answer, ask, type Work } from '../work.ts'
import { PostgresLink } from './link.ts'
import { serverData } from './server-data.ts'

export interface ServerFacts {
  /** `15.4`, as the server says it. */
  readonly version: string
  /** It takes no writes: a standby. */
  readonly isReadOnly: boolean
  /** Whether our tables are there, or could be made. */
  readonly hasRoom: boolean
}

/** Asks a server what it is, and changes nothing. @throws Error in the operator's words */
export async function probePostgres(server: PostgresServer): Promise<ServerFacts> {
  const options = { server: serverData(server), session: '', prepare: false }
  await using link = new PostgresLink(options)
  const { rows } = await link.use(runner => runner.run(question()))
  const [row] = rows
  return {
    version: String(row?.['version']).split(' ', 1)[0] ?? '',
    isReadOnly: row?.['read_only'] === true,
    hasRoom: row?.['has_room'] === true,
  }
}

function* question(): Work<Answer> {
  return yield ask(`SELECT current_setting('server_version') AS version,
    pg_is_in_recovery() AS read_only,
    has_database_privilege(current_database(), 'CREATE') OR EXISTS (SELECT 1 FROM pg_namespace
      WHERE nspname = 'aibridgeproxyd' AND has_schema_privilege(oid, 'CREATE')) AS has_room`)
}
