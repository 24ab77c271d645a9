import type { RecordQueries } from '../kernel/records.ts'
import type { Entry, RetrievalEntry, TextMode } from './entry.ts'
import type { Denial } from './limits/denial.ts'
import type { RetentionPolicy } from './retention.ts'

export interface CommitOptions {
  readonly entries: readonly Entry[]
  readonly text: TextMode
  /** Whether lines of the structured log are wanted back. */
  readonly lines: boolean
}

export interface Denied {
  /** In `entries`. */
  readonly place: number
  readonly denial: Denial
}

/** An answer that an earlier call had begun. */
export interface Retrieved {
  readonly entry: RetrievalEntry
  readonly callId: string
  readonly user: string
}

export interface CommitResult {
  /** Places in `entries` that cannot be stored, ever; the others are. */
  readonly refused: readonly number[]
  /** Calls that a limit keeps from beginning; nothing of them is stored. */
  readonly denied: readonly Denied[]
  /** Ids of calls whose answers have used up one of their budgets. */
  readonly exhausted: readonly string[]
  readonly retrieved: readonly Retrieved[]
  /** Lines of the structured log, for what is now durable. */
  readonly lines: readonly string[]
}

/**
 * Where the books are kept. All of it is asynchronous and takes values only:
 * one implementation is SQLite in a thread of its own, another may be a
 * database server.
 */
export interface BookStore extends AsyncDisposable {
  /**
   * Writes all entries in one transaction, in their order, and resolves when
   * they are durable. Writing an entry a second time changes nothing, so a
   * commit that failed half-way may be tried again.
   * @throws Error when nothing was stored
   */
  commit(options: CommitOptions): Promise<CommitResult>
  /** One batch; call again while `more`. */
  purge(policy: RetentionPolicy): Promise<{ readonly deleted: number; readonly more: boolean }>
  /** Closes the calls of processes that died; how many. */
  closeDead(): Promise<number>
  ask<K extends keyof RecordQueries>(
    question: K,
    argument: RecordQueries[K]['argument'],
  ): Promise<RecordQueries[K]['answer']>
}
