import type { BooksOptions } from './books.ts'
import { type Instance, lockInstance } from './instance-lock.ts'
import { ThreadBooks } from './thread-books.ts'

export interface SqliteBooksOptions {
  readonly stateDir: string
  /** How long another process may hold the database before a commit fails. */
  readonly busyTimeoutMs?: number
  /** Lines of the structured log are chained by hashes. */
  readonly chained?: boolean
}

const BUSY_TIMEOUT_MS = 2000

/** The books in SQLite, in the state directory that daemons of one machine may share. */
export class SqliteBooks extends ThreadBooks {
  readonly #instance: Instance

  /** @throws ConfigurationError when the state directory cannot be used */
  constructor(options: SqliteBooksOptions) {
    const { stateDir, busyTimeoutMs = BUSY_TIMEOUT_MS, chained = false } = options
    const instance = lockInstance(stateDir)
    const data: BooksOptions = { stateDir, instance: instance.id, busyTimeoutMs, chained }
    super({ program: 'books-worker', data }, { program: 'reader-worker', data: { stateDir } })
    this.#instance = instance
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]()
    this.#instance[Symbol.dispose]()
  }
}
