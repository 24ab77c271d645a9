import type { RecordQueries } from '../kernel/records.ts'
import { threadProgram } from '../kernel/thread.ts'
import type { BookStore, CommitOptions, CommitResult } from './book-store.ts'
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

/** A thread's program, without its ending, and what it is started with. */
export interface ThreadProgram {
  readonly program: string
  readonly data: unknown
}

const MAX_QUESTIONS = 64

/** Books that one thread writes, while another answers questions. */
export class ThreadBooks implements BookStore {
  readonly #writer: WorkerCalls<BooksMethods>
  readonly #reader: WorkerCalls<RecordQueries>

  constructor(writer: ThreadProgram, reader: ThreadProgram) {
    this.#writer = new WorkerCalls({
      file: threadProgram(writer.program, import.meta.url),
      name: 'books',
      data: writer.data,
    })
    this.#reader = new WorkerCalls({
      file: threadProgram(reader.program, import.meta.url),
      name: 'reader',
      data: reader.data,
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
  }
}
