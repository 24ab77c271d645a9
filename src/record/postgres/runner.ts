import type { Client, QueryResult } from 'pg'
import type { Answer, Statement, Work } from '../work.ts'
import { toWire } from './statement-text.ts'

const NOTHING: Answer = { rows: [], changes: 0 }

/**
 * Does work over one connection. A statement that nobody reads an answer of is
 * sent without waiting: a batch of calls that begin takes a single round trip,
 * from BEGIN to COMMIT.
 */
export class PostgresRunner {
  readonly #client: Client
  /** Names of prepared statements; what is asked once is not worth one. */
  readonly #prepared: Map<string, string> | undefined

  constructor(client: Client, { prepare }: { readonly prepare: boolean }) {
    this.#client = client
    this.#prepared = prepare ? new Map() : undefined
  }

  /** What the server refuses reaches the work, but for what was sent without waiting. */
  async run<T>(work: Work<T>): Promise<T> {
    const sent: Promise<unknown>[] = []
    const result = await this.#drive(work, sent)
    await Promise.all(sent)
    return result
  }

  /**
   * The same, as a whole or not at all.
   * @throws Error when it is not, or when nobody knows
   */
  async transaction<T>(work: Work<T>): Promise<T> {
    const sent: Promise<unknown>[] = []
    try {
      note(sent, this.#client.query('BEGIN ISOLATION LEVEL READ COMMITTED'))
      const result = await this.#drive(work, sent)
      const commit = this.#client.query('COMMIT')
      note(sent, commit)
      await Promise.all(sent)
      // A transaction that has failed answers COMMIT with ROLLBACK, and no error.
      const { command } = await commit
      if (command !== 'COMMIT') throw new Error(`the server answered COMMIT with ${command}`)
      return result
    } catch (error) {
      await this.#client.query('ROLLBACK').catch(() => undefined)
      throw error
    }
  }

  async #drive<T>(work: Work<T>, sent: Promise<unknown>[]): Promise<T> {
    let step = work.next()
    while (step.done !== true) {
      let answer = NOTHING
      try {
        const statement = step.value
        const pending = this.#send(statement)
        note(sent, pending)
        if (statement.wants !== 'nothing') {
          // In their order, so that the first failure is the one that is told.
          await Promise.all(sent.splice(0))
          answer = answerOf(await pending)
        }
      } catch (error) {
        step = work.throw(error)
        continue
      }
      step = work.next(answer)
    }
    return step.value
  }

  #send(statement: Statement): Promise<QueryResult> {
    const { text, values } = toWire(statement)
    if (values.length === 0) return this.#client.query(text)
    if (this.#prepared === undefined) return this.#client.query(text, values)
    let name = this.#prepared.get(text)
    if (name === undefined) {
      name = `s${this.#prepared.size}`
      this.#prepared.set(text, name)
    }
    return this.#client.query({ name, text, values })
  }
}

/** A failure waits until somebody waits for all that was sent. */
function note(sent: Promise<unknown>[], pending: Promise<unknown>): void {
  pending.catch(() => undefined)
  sent.push(pending)
}

function answerOf({ rows, rowCount }: QueryResult): Answer {
  return { rows, changes: rowCount ?? 0 }
}
