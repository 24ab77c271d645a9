import { DatabaseSync } from 'node:sqlite'
import type { RecordQueries } from '../kernel/records.ts'
import { databaseFile, explain } from './database.ts'
import { QUESTIONS } from './queries/questions.ts'
import { SQLITE_DIALECT, SqliteRunner } from './sqlite-runner.ts'

const BUSY_TIMEOUT_MS = 2000
const CACHE_KIB = 8192

/**
 * Answers questions from the books without being able to change them. Blocks:
 * for a thread of its own, and for commands.
 */
export class BookReader implements Disposable {
  readonly #file: string
  #open: ReturnType<typeof openReadOnly> | undefined

  constructor(stateDir: string) {
    this.#file = databaseFile(stateDir)
  }

  /** @throws Error in the operator's words */
  ask<K extends keyof RecordQueries>(
    question: K,
    argument: RecordQueries[K]['argument'],
  ): RecordQueries[K]['answer'] {
    try {
      const { runner } = (this.#open ??= openReadOnly(this.#file))
      return runner.run(QUESTIONS[question](SQLITE_DIALECT, argument))
    } catch (error) {
      this[Symbol.dispose]()
      throw new Error(`${this.#file}: ${explain(error)}`, { cause: error })
    }
  }

  [Symbol.dispose](): void {
    this.#open?.database.close()
    this.#open = undefined
  }
}

function openReadOnly(file: string): { database: DatabaseSync; runner: SqliteRunner } {
  const database = new DatabaseSync(file, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
  database.exec(`PRAGMA query_only = ON; PRAGMA cache_size = -${CACHE_KIB}`)
  return { database, runner: new SqliteRunner(database) }
}
