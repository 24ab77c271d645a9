import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { LRUCache } from 'lru-cache'
import type { Answer, Dialect, Row, Statement, Work } from './work.ts'

const among = (column: string, parameter: string): string =>
  `${column} IN (SELECT value FROM json_each(${parameter}))`

export const SQLITE_DIALECT: Dialect = {
  day: column => `strftime('%Y-%m-%d', ${column} / 1000, 'unixepoch')`,
  among,
  amongTexts: among,
  distinct: column => `json_group_array(DISTINCT ${column}) FILTER (WHERE ${column} IS NOT NULL)`,
  objects: column => `json_group_array(json(${column})) FILTER (WHERE ${column} <> '{}')`,
  forUpdate: '',
  usedBytes: `SELECT (page_count - freelist_count) * page_size AS bytes
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size`,
}

/** Questions come in as many forms as there are filters. */
const MAX_PREPARED = 256
const NOTHING: readonly Row[] = []

/** Does work over SQLite. Blocks: for threads of the books, and for commands. */
export class SqliteRunner {
  readonly #database: DatabaseSync
  readonly #prepared = new LRUCache<string, StatementSync>({ max: MAX_PREPARED })

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** What SQLite throws reaches the work, which may go on without the statement. */
  run<T>(work: Work<T>): T {
    let step = work.next()
    while (step.done !== true) {
      let answer: Answer
      try {
        answer = this.#execute(step.value)
      } catch (error) {
        step = work.throw(error)
        continue
      }
      step = work.next(answer)
    }
    return step.value
  }

  /** The same, as a whole or not at all. */
  transaction<T>(work: Work<T>): T {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const result = this.run(work)
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      this.#rollBack()
      throw error
    }
  }

  #rollBack(): void {
    try {
      // Some errors have rolled back already.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
    } catch {
      // What made it fail is the error to tell.
    }
  }

  #execute({ sql, values, wants }: Statement): Answer {
    const statement = this.#prepare(sql)
    if (wants === 'rows') return { rows: statement.all(values), changes: 0 }
    return { rows: NOTHING, changes: Number(statement.run(values).changes) }
  }

  #prepare(sql: string): StatementSync {
    const known = this.#prepared.get(sql)
    if (known !== undefined) return known
    const statement = this.#database.prepare(sql)
    this.#prepared.set(sql, statement)
    return statement
  }
}
