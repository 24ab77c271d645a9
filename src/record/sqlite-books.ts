import type { RecordQueries } from '../kernel/records.ts'
import type { BookStore, CommitOptions, CommitResult } from './book-store.ts'
import { type Instance, lockInstance } from './instance-lock.ts'
import type { RetentionPolicy } from './retention.ts'
import { WorkerCalls } from './worker-calls.ts'

/** What the writing thread does. */
export type BooksMethods = {
  readonly commit: { readonly argument: CommitOptions; readonly answer: CommitResult }
  readonly purge: {
    readonly argument: RetentionPolicy
    readonly answer: { readonly deleted: number; readonly more: boolean }
  }
  readonly closeDead: { readonly argument: undefined; readonly answer: number }
}

export interface SqliteBooksOptions {
  readonly stateDir: string
  /** How long another process may hold the database before a commit fails. */
  readonly busyTimeoutMs?: number
  /** Lines of the structured log are chained by hashes. */
  readonly chained?: boolean
}

const BUSY_TIMEOUT_MS = 2000
const MAX_QUESTIONS = 64

/**
 * The books in SQLite, in the state directory that any number of daemons may
 * share. One thread writes, another answers questions.
 */
export class SqliteBooks implements BookStore {
  readonly #instance: Instance
  readonly #writer: WorkerCalls<BooksMethods>
  readonly #reader: WorkerCalls<RecordQueries>

  /** @throws ConfigurationError when the state directory cannot be used */
  constructor(options: SqliteBooksOptions) {
    const { stateDir, busyTimeoutMs = BUSY_TIMEOUT_MS, chained = false } = options
    this.#instance = lockInstance(stateDir)
    this.#writer = new WorkerCalls({
      file: siblingFile('books-worker'),
      name: 'books',
      data: { stateDir, instance: this.#instance.id, busyTimeoutMs, chained },
    })
    this.#reader = new WorkerCalls({
      file: siblingFile('reader-worker'),
      name: 'reader',
      data: { stateDir },
      maxOpen: MAX_QUESTIONS,
    })
  }

  commit(options: CommitOptions): Promise<CommitResult> {
    return this.#writer.call('commit', options)
  }

  purge(policy: RetentionPolicy): Promise<{ readonly deleted: number; readonly more: boolean }> {
    return this.#writer.call('purge', policy)
  }

  closeDead(): Promise<number> {
    return this.#writer.call('closeDead', undefined)
  }

  ask<K extends keyof RecordQueries>(
    question: K,
    argument: RecordQueries[K]['argument'],
  ): Promise<RecordQueries[K]['answer']> {
    return this.#reader.call(question, argument)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#writer[Symbol.asyncDispose](), this.#reader[Symbol.asyncDispose]()])
    this.#instance[Symbol.dispose]()
  }
}

/** The same file beside this one: `.ts` in a checkout, `.js` in the package. */
function siblingFile(name: string): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new URL(`./${name}.${extension}`, import.meta.url)
}
