import type { DatabaseSync } from 'node:sqlite'
import { ConfigurationError } from '../kernel/error.ts'
import type { CommitOptions, CommitResult } from './book-store.ts'
import { explain, openDatabase, SQLITE, sqliteCode } from './database.ts'
import { forgetInstance, isDead } from './instance-lock.ts'
import { enterInstance, leaveInstance, otherInstances } from './interrupted.ts'
import { LineMaker } from './log-chain.ts'
import { purgeBatch, type RetentionPolicy } from './retention.ts'
import { SQLITE_DIALECT, SqliteRunner } from './sqlite-runner.ts'
import { linesOf, writeBatch } from './write-batch.ts'

export interface BooksOptions {
  readonly stateDir: string
  readonly instance: string
  readonly busyTimeoutMs: number
  /** Whether lines of the structured log are chained by hashes. */
  readonly chained: boolean
}

interface OpenBooks {
  readonly database: DatabaseSync
  readonly runner: SqliteRunner
}

/** Errors that are of one entry and would come again; all others are of the disk. */
const OF_THE_ENTRY: readonly number[] = [
  SQLITE.tooBig,
  SQLITE.constraint,
  SQLITE.mismatch,
  SQLITE.range,
]

/** A WAL that grew in a storm of writes gives the room back. */
const WAL_BYTES = 64 * 1024 * 1024
/** Copying the WAL into the file makes calls wait: 16 MiB at a time. */
const WAL_PAGES = 4096
const CACHE_KIB = 16_384
const VACUUM_PAGES = 2000

/**
 * The books in the database's own thread. After an error of the disk the
 * database is closed and the next call opens it anew: what SQLite holds in
 * memory is not to be trusted once a write has failed.
 */
export class Books implements Disposable {
  readonly #options: BooksOptions
  readonly #lines: LineMaker
  #open: OpenBooks | undefined

  constructor(options: BooksOptions) {
    this.#options = options
    this.#lines = new LineMaker(options.chained ? options.instance : undefined)
  }

  commit(options: CommitOptions): CommitResult {
    return this.#guarded(({ runner }) => {
      const { instance } = this.#options
      const context = { dialect: SQLITE_DIALECT, instance, isOfTheEntry }
      const { stored, ...result } = runner.transaction(writeBatch(context, options))
      const lines = options.lines ? runner.run(linesOf(stored, this.#lines, Date.now())) : []
      return { ...result, lines }
    })
  }

  purge(policy: RetentionPolicy): { readonly deleted: number; readonly more: boolean } {
    return this.#guarded(({ database, runner }) => {
      const deleted = runner.transaction(purgeBatch(SQLITE_DIALECT, policy))
      // What is freed goes back to the disk.
      database.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`)
      return { deleted, more: deleted > 0 }
    })
  }

  closeDead(): number {
    const { stateDir, instance } = this.#options
    return this.#guarded(({ runner }) => {
      let closed = 0
      for (const id of runner.run(otherInstances(instance))) {
        if (!isDead(stateDir, id)) continue
        closed += runner.transaction(leaveInstance(id))
        forgetInstance(stateDir, id)
      }
      return closed
    })
  }

  /** What is still open now will not end any more. */
  [Symbol.dispose](): void {
    if (this.#open === undefined) return
    try {
      this.#open.runner.transaction(leaveInstance(this.#options.instance))
    } catch {
      // Whoever opens the books next finds this process gone and does the same.
    }
    this.#shut()
  }

  #guarded<T>(action: (open: OpenBooks) => T): T {
    try {
      this.#open ??= this.#openAnew()
      return action(this.#open)
    } catch (error) {
      if (sqliteCode(error) !== SQLITE.busy) this.#shut()
      if (error instanceof ConfigurationError) throw error
      throw new Error(explain(error), { cause: error })
    }
  }

  #openAnew(): OpenBooks {
    const { stateDir, busyTimeoutMs, instance } = this.#options
    const database = openDatabase(stateDir, busyTimeoutMs)
    try {
      database.exec(
        `PRAGMA journal_size_limit = ${WAL_BYTES};
         PRAGMA wal_autocheckpoint = ${WAL_PAGES};
         PRAGMA cache_size = -${CACHE_KIB}`,
      )
      const runner = new SqliteRunner(database)
      runner.run(enterInstance(instance, Date.now()))
      return { database, runner }
    } catch (error) {
      database.close()
      throw error
    }
  }

  #shut(): void {
    try {
      this.#open?.database.close()
    } catch {
      // It is given up either way.
    }
    this.#open = undefined
  }
}

function isOfTheEntry(error: unknown): boolean {
  return OF_THE_ENTRY.includes(sqliteCode(error)) || error instanceof TypeError
}
