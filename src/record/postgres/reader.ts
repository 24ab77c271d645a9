import type { RecordQueries } from '../../kernel/records.ts'
import { QUESTIONS } from '../queries/questions.ts'
import { POSTGRES_DIALECT } from './dialect.ts'
import { PostgresLink } from './link.ts'
import type { ServerData } from './server-data.ts'

const CONNECTIONS = 3
const SESSION = "SET default_transaction_read_only = on; SET statement_timeout = '30s'"
const QUERY_MS = 35_000

/** Answers questions from the books without being able to change them. */
export class PostgresReader implements AsyncDisposable {
  readonly #links: readonly PostgresLink[]

  constructor(server: ServerData) {
    const options = { server, session: SESSION, prepare: false, queryMs: QUERY_MS }
    this.#links = Array.from({ length: CONNECTIONS }, () => new PostgresLink(options))
  }

  /** @throws Error in the operator's words */
  ask<K extends keyof RecordQueries>(
    question: K,
    argument: RecordQueries[K]['argument'],
  ): Promise<RecordQueries[K]['answer']> {
    const least = Math.min(...this.#links.map(({ load }) => load))
    const link = this.#links.find(({ load }) => load === least)
    if (link === undefined) throw new Error('there is no connection')
    return link.use(runner => runner.run(QUESTIONS[question](POSTGRES_DIALECT, argument)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#links.map(link => link[Symbol.asyncDispose]()))
  }
}
