import type { DatabaseSync } from 'node:sqlite'
import { ConfigurationError } from '../kernel/error.ts'
import type { CommitOptions, CommitResult } from './book-store.ts'
import { explain, openDatabase, SQLITE, sqliteCode } from './database.ts'
import type { Entry } from './entry.ts'
import { closeDeadInstances, enterInstance, leaveInstance } from './interrupted.ts'
import { LineMaker } from './log-chain.ts'
import { logRecords } from './log-record.ts'
import { purgeBatch, type RetentionPolicy } from './retention.ts'
import { prepareStatements, type Statements } from './statements.ts'
import { writeEntry } from './write-entries.ts'

export interface BooksOptions {
  readonly stateDir: string
  readonly instance: string
  readonly busyTimeoutMs: number
  /** Whether lines of the structured log are chained by hashes. */
  readonly chained: boolean
}

interface OpenBooks {
  readonly database: DatabaseSync
  readonly statements: Statements
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

  commit({ entries, text, lines }: CommitOptions): CommitResult {
    return this.#guarded(({ database, statements }) => {
      const context = { statements, instance: this.#options.instance, text }
      const stored: Entry[] = []
      const refused: number[] = []
      database.exec('BEGIN IMMEDIATE')
      // Asking whether writing works takes a write.
      if (entries.length === 0) statements.touch.run(this.#options.instance)
      for (const [place, entry] of entries.entries()) {
        try {
          stored.push(writeEntry(context, entry))
        } catch (error) {
          if (!OF_THE_ENTRY.includes(sqliteCode(error)) && !(error instanceof TypeError))
            throw error
          refused.push(place)
        }
      }
      database.exec('COMMIT')
      return { refused, lines: lines ? this.#linesOf(stored, statements) : [] }
    })
  }

  purge(policy: RetentionPolicy): { readonly deleted: number; readonly more: boolean } {
    return this.#guarded(({ database }) => purgeBatch(database, policy))
  }

  closeDead(): number {
    const { stateDir, instance } = this.#options
    return this.#guarded(({ database }) => closeDeadInstances(database, stateDir, instance))
  }

  /** What is still open now will not end any more. */
  [Symbol.dispose](): void {
    if (this.#open === undefined) return
    try {
      leaveInstance(this.#open.database, this.#options.instance)
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
      const database = this.#open?.database
      if (database?.isTransaction) rollBack(database)
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
      enterInstance(database, instance)
      return { database, statements: prepareStatements(database) }
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

  #linesOf(entries: readonly Entry[], statements: Statements): string[] {
    const now = Date.now()
    return entries.flatMap(entry =>
      logRecords(entry, startRow(entry, statements)).map(record => this.#lines.line(record, now)),
    )
  }
}

/** Only the first word about a call needs its row. */
function startRow(entry: Entry, statements: Statements): Record<string, unknown> | undefined {
  if (entry.type === 'request' && entry.first) return statements.row.get(entry.callId)
  if (entry.type === 'end' && entry.first) return statements.row.get(entry.ended.callId)
  return undefined
}

function rollBack(database: DatabaseSync): void {
  try {
    database.exec('ROLLBACK')
  } catch {
    // Some errors have rolled back already.
  }
}
