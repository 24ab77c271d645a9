import { DatabaseSync } from 'node:sqlite'
import type { RecordQueries } from '../kernel/records.ts'
import { databaseFile, explain } from './database.ts'
import { calls, countCalls, findCall } from './queries/calls.ts'
import { names } from './queries/names.ts'
import { countSessions, session, sessions } from './queries/sessions.ts'
import { usage } from './queries/sums.ts'
import { threads } from './queries/threads.ts'
import type { Handlers } from './worker-answers.ts'

const BUSY_TIMEOUT_MS = 2000
const CACHE_KIB = 8192

/**
 * Answers questions from the books without being able to change them. Blocks:
 * for a thread of its own, and for commands.
 */
export class BookReader implements Disposable {
  readonly #file: string
  #database: DatabaseSync | undefined

  constructor(stateDir: string) {
    this.#file = databaseFile(stateDir)
  }

  /** @throws Error in the operator's words */
  answers(): Handlers<RecordQueries> {
    return {
      countCalls: filter => this.#ask(database => countCalls(database, filter)),
      calls: argument => this.#ask(database => calls(database, argument)),
      findCall: argument => this.#ask(database => findCall(database, argument)),
      countSessions: filter => this.#ask(database => countSessions(database, filter)),
      sessions: argument => this.#ask(database => sessions(database, argument)),
      session: argument => this.#ask(database => session(database, argument)),
      threads: argument => this.#ask(database => threads(database, argument)),
      names: argument => this.#ask(database => names(database, argument)),
      usage: argument => this.#ask(database => usage(database, argument)),
    }
  }

  [Symbol.dispose](): void {
    this.#database?.close()
    this.#database = undefined
  }

  #ask<T>(question: (database: DatabaseSync) => T): T {
    try {
      this.#database ??= openReadOnly(this.#file)
      return question(this.#database)
    } catch (error) {
      this[Symbol.dispose]()
      throw new Error(`${this.#file}: ${explain(error)}`, { cause: error })
    }
  }
}

function openReadOnly(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
  database.exec(`PRAGMA query_only = ON; PRAGMA cache_size = -${CACHE_KIB}`)
  return database
}
