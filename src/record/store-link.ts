import { Worker } from 'node:worker_threads'
import type { Clock } from '../kernel/clock.ts'
import { ConfigurationError, describeError, Refusal } from '../kernel/error.ts'
import { waitPatiently } from '../kernel/patience.ts'
import { threadEnvironment } from '../kernel/thread.ts'
import type { FromStoreWorker, ToStoreWorker } from './store-protocol.ts'
import type { ActiveToken } from './tokens.ts'

const MAX_WAITING = 1024

/** A worker that dies sooner than this after its predecessor did is not replaced. */
const RESTART_SPACING_MS = 60_000

export interface LinkOptions {
  readonly clock: Clock
  /** The thread's program, and what it is started with. */
  readonly worker: URL
  readonly data: unknown
  /** How long to wait for an answer, and for the end of a thread that closes. */
  readonly timeoutMs: number
  readonly onTokens: (tokens: readonly ActiveToken[]) => void
  /** For the operator's log: the thread died; and whether another one took over. */
  readonly onDeath: (problem: string, restarted: boolean) => void
}

/** The thread that owns the database: its life, and questions to it. */
export class StoreLink implements AsyncDisposable {
  readonly #options: LinkOptions
  readonly #opened = Promise.withResolvers<string>()
  #worker: Worker
  #state: 'opening' | 'up' | 'failed' | 'closing' = 'opening'
  #crash: unknown
  #problem: string | undefined
  #startedAt = 0
  #restarts = 0
  #checkedAt = Number.NEGATIVE_INFINITY
  #lastId = 0
  #pending: { readonly id: number; readonly settle: (error?: Refusal) => void } | undefined
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  #waiting = 0

  constructor(options: LinkOptions) {
    this.#options = options
    this.#worker = this.#spawn()
  }

  /** The deployment's id, once the database is open. @throws ConfigurationError */
  opened(): Promise<string> {
    return this.#opened.promise
  }

  /** Why the last look failed, if it did. */
  get problem(): string {
    return this.#problem ?? 'the token store does not answer'
  }

  get available(): boolean {
    return this.#state === 'up'
  }

  /** Milliseconds since the tokens were last known to be current. */
  get age(): number {
    return this.#options.clock.monotonic() - this.#checkedAt
  }

  /**
   * Resolves when everything committed before this call has been delivered.
   * All who ask while a look is under way share the next one.
   * @throws Refusal `auth_unavailable`
   */
  async refresh(): Promise<void> {
    if (this.#state !== 'up') throw unavailable('the token store is down')
    if (this.#waiting >= MAX_WAITING) throw unavailable('too many waiting for the token store')
    this.#waiting += 1
    try {
      await this.#queue()
    } finally {
      this.#waiting -= 1
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'failed' || this.#state === 'closing') return
    this.#state = 'closing'
    const exited = new Promise(resolve => this.#worker.once('exit', resolve))
    this.#post({ type: 'close' })
    const overdue = setTimeout(() => void this.#worker.terminate(), this.#options.timeoutMs)
    await exited
    clearTimeout(overdue)
  }

  #queue(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#ask().finally(() => {
        this.#running = undefined
      })
      return this.#running
    }
    // The look under way may have begun before this caller's token was stored.
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return this.#queue()
      })
    return this.#next
  }

  #ask(): Promise<void> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId
      const late = (): void => settle(unavailable('the token store did not answer in time'))
      const wait = waitPatiently(this.#options.timeoutMs, late)
      const settle = (error?: Refusal): void => {
        wait[Symbol.dispose]()
        this.#pending = undefined
        if (error === undefined) resolve()
        else reject(error)
      }
      this.#pending = { id, settle }
      this.#post({ type: 'refresh', id })
    })
  }

  #post(message: ToStoreWorker): void {
    this.#worker.postMessage(message, [])
  }

  #spawn(): Worker {
    const { worker: file, data } = this.#options
    const worker = new Worker(file, { workerData: data, env: threadEnvironment(), name: 'store' })
    this.#startedAt = this.#options.clock.monotonic()
    worker.on('message', (message: FromStoreWorker) => this.#receive(message))
    worker.on('error', error => {
      this.#crash = error
    })
    worker.on('exit', code => this.#exited(code))
    return worker
  }

  #receive(message: FromStoreWorker): void {
    switch (message.type) {
      case 'refused':
        this.#crash = new ConfigurationError(message.problems)
        return
      case 'ready':
        if (this.#state === 'opening') this.#state = 'up'
        this.#opened.resolve(message.deploymentId)
        return
      case 'tokens':
        this.#options.onTokens(message.tokens)
        return
      case 'checked':
        this.#checkedAt = this.#options.clock.monotonic()
        this.#problem = undefined
        if (message.id !== undefined && message.id === this.#pending?.id) this.#pending.settle()
        return
      case 'failed':
        this.#problem = message.problem
        if (message.id === this.#pending?.id) this.#pending?.settle(unavailable(message.problem))
    }
  }

  #exited(code: number): void {
    const cause = this.#crash ?? new Error(`the store's thread ended with code ${code}`)
    this.#crash = undefined
    this.#pending?.settle(unavailable("the store's thread died"))
    if (this.#state === 'closing') return
    if (this.#state === 'opening') {
      this.#state = 'failed'
      this.#opened.reject(cause)
      return
    }

    const lived = this.#options.clock.monotonic() - this.#startedAt
    const restart = this.#restarts === 0 || lived >= RESTART_SPACING_MS
    this.#restarts += 1
    if (restart) this.#worker = this.#spawn()
    else this.#state = 'failed'
    this.#options.onDeath(describeError(cause), restart)
  }
}

function unavailable(detail: string): Refusal {
  return new Refusal('auth_unavailable', detail)
}
