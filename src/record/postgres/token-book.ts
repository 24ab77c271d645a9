import type { PostgresServer } from '../../config/types/postgres-url.ts'
import { ConfigurationError, describeError } from '../../kernel/error.ts'
import type { Work } from '../work.ts'
import { PostgresLink } from './link.ts'
import { ensureSchema, LOCKS, lock } from './schema.ts'
import { serverData } from './server-data.ts'

const SESSION = "SET statement_timeout = '8s'; SET lock_timeout = '8s'"

/** `withTokens`, where a server keeps them. @throws ConfigurationError */
export async function withPostgresTokens<T>(
  server: PostgresServer,
  work: () => Work<T>,
): Promise<T> {
  const options = { server: serverData(server), session: SESSION, prepare: false }
  await using link = new PostgresLink({ ...options, prelude: ensureSchema })
  try {
    return await link.use(runner => runner.transaction(alone(work())))
  } catch (error) {
    throw new ConfigurationError([`PostgreSQL (CODER_PG_CONNECTION_URL): ${describeError(error)}`])
  }
}

function* alone<T>(work: Work<T>): Work<T> {
  yield* lock(LOCKS.tokens)
  return yield* work
}
