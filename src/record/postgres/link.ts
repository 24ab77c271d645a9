import type { Client } from 'pg'
import { createClient } from './connection.ts'
import { explainPostgres, keepsConnection, problemOf } from './errors.ts'
import { PostgresRunner } from './runner.ts'
import type { ServerData } from './server-data.ts'

export interface LinkOptions {
  readonly server: ServerData
  /** Settings of the session, `SET …`; after those that all have. */
  readonly session: string
  /** Whether the same statements come again and again. */
  readonly prepare: boolean
  /** How long an answer may take, in milliseconds. */
  readonly queryMs?: number
  /** What has to be done on each new connection before it is used. */
  readonly prelude?: (runner: PostgresRunner) => Promise<void>
}

/**
 * Compiling (`jit`) takes longer than all but the longest of our questions.
 * `synchronous_commit` is left stronger than we need where the operator has it
 * so. A transaction whose daemon hangs, and a connection whose daemon is gone
 * without a word, must not hold locks for long.
 */
const SESSION = `
  SET search_path = aibridgeproxyd;
  SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') IN ('off', 'local');
  SET jit = off;
  SET idle_in_transaction_session_timeout = '5s';
  SET tcp_keepalives_idle = 15;
  SET tcp_keepalives_interval = 5;
  SET tcp_keepalives_count = 3;`

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 3000

/**
 * One connection that is opened when it is needed, used by one at a time, and
 * opened anew after it broke: at once, then with pauses that grow.
 */
export class PostgresLink implements AsyncDisposable {
  readonly #options: LinkOptions
  #open: { readonly client: Client; readonly runner: PostgresRunner } | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #pauseMs = 0
  #notBefore = 0
  #problem = ''

  constructor(options: LinkOptions) {
    this.#options = options
  }

  /** How many use it or wait for it. */
  get load(): number {
    return this.#waiting
  }

  /** @throws Error in the operator's words, without values and without secrets */
  async use<T>(action: (runner: PostgresRunner) => Promise<T>): Promise<T> {
    const mine = this.#turn.then(() => this.#guarded(action))
    this.#turn = mine.catch(() => undefined)
    this.#waiting += 1
    try {
      return await mine
    } finally {
      this.#waiting -= 1
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn
    const client = this.#open?.client
    this.#open = undefined
    await client?.end().catch(() => undefined)
  }

  async #guarded<T>(action: (runner: PostgresRunner) => Promise<T>): Promise<T> {
    try {
      this.#open ??= await this.#connect()
      return await action(this.#open.runner)
    } catch (error) {
      if (!keepsConnection(error)) this.#drop(this.#open?.client)
      throw problemOf(error)
    }
  }

  async #connect(): Promise<{ client: Client; runner: PostgresRunner }> {
    if (performance.now() < this.#notBefore) throw new Error(this.#problem)
    const { server, session, prepare, prelude, queryMs } = this.#options
    let client: Client | undefined
    try {
      client = createClient(server, queryMs)
      this.#watch(client)
      await client.connect()
      await client.query(SESSION + session)
      const runner = new PostgresRunner(client, { prepare })
      await prelude?.(runner)
      this.#pauseMs = 0
      return { client, runner }
    } catch (error) {
      this.#drop(client)
      this.#problem = explainPostgres(error)
      this.#pauseMs = Math.min(Math.max(2 * this.#pauseMs, FIRST_PAUSE_MS), LONGEST_PAUSE_MS)
      // Daemons that lost the same server do not come back in step.
      this.#notBefore = performance.now() + this.#pauseMs * (0.5 + Math.random() / 2)
      throw error
    }
  }

  /** A connection that breaks while nobody uses it is given up, and nothing else. */
  #watch(client: Client): void {
    client.on('error', () => {
      if (this.#open?.client === client) this.#open = undefined
    })
  }

  #drop(client: Client | undefined): void {
    this.#open = undefined
    void client?.end().catch(() => undefined)
  }
}
