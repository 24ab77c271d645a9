import type { PostgresServer } from '../../config/types/postgres-url.ts'
import { describeError } from '../../kernel/error.ts'
import type { ServerFacts } from '../../record/postgres/probe.ts'
import type { Finding } from './finding.ts'

/** What the server is, or why it cannot be asked. */
export type DatabaseFacts = ServerFacts | { readonly problem: string }

const OLDEST = 13

export async function gatherDatabase(server: PostgresServer): Promise<DatabaseFacts> {
  const { probePostgres } = await import('../../record/postgres/probe.ts')
  return await probePostgres(server).catch(error => ({ problem: describeError(error) }))
}

/** Tokens and records are there, and without them no call begins. */
export function judgeDatabase(
  { host, port, database }: Pick<PostgresServer, 'host' | 'port' | 'database'>,
  facts: DatabaseFacts,
): Finding {
  const about = 'PostgreSQL'
  const where = `${database} at ${host}${host.startsWith('/') ? '' : `:${port}`}`
  if ('problem' in facts) {
    const fix = 'look at CODER_PG_CONNECTION_URL and at the server'
    return { about, state: 'failed', text: `${where}: ${facts.problem}`, fix }
  }
  const failed = (text: string, fix: string): Finding => ({
    about,
    state: 'failed',
    text: `${where} ${text}`,
    fix,
  })
  if (Number.parseInt(facts.version, 10) < OLDEST) {
    return failed(`is release ${facts.version}`, `use PostgreSQL ${OLDEST} or newer`)
  }
  if (facts.isReadOnly) {
    return failed('is a standby', 'name the primary in CODER_PG_CONNECTION_URL')
  }
  if (!facts.hasRoom) {
    return failed(
      'has no place for our tables',
      'GRANT CREATE ON DATABASE to the role, or CREATE SCHEMA aibridgeproxyd AUTHORIZATION it',
    )
  }
  return { about, state: 'ok', text: `${where}, release ${facts.version}` }
}
