import type { Entry } from './entry.ts'
import { ask, type Dialect, type Work } from './work.ts'

/** What never changes of a call that has begun. */
export interface Place {
  readonly seq: number
  readonly id: string
  readonly user: string
}

/** Finds the calls that a batch adds to: all of them with one question. */
export class Places {
  readonly #sql: string
  readonly #known = new Map<string, Place>()
  #wanted: readonly string[]

  constructor(dialect: Dialect, entries: readonly Entry[]) {
    const among = dialect.amongTexts('id', ':ids')
    this.#sql = `SELECT seq, id, "user" FROM interceptions WHERE ${among}`
    this.#wanted = entries.flatMap(entry =>
      entry.type === 'request' || entry.type === 'response' || entry.type === 'tool'
        ? [entry.callId]
        : [],
    )
  }

  /** Undefined when there is no such call, or not yet. */
  *of(callId: string): Work<Place | undefined> {
    const known = this.#known.get(callId)
    if (known !== undefined) return known
    const ids = [...new Set([...this.#wanted, callId])]
    this.#wanted = []
    for (const row of (yield ask(this.#sql, { ids: JSON.stringify(ids) })).rows) {
      const id = String(row['id'])
      this.#known.set(id, { seq: Number(row['seq']), id, user: String(row['user']) })
    }
    return this.#known.get(callId)
  }
}
