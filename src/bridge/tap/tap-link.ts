import { Worker } from 'node:worker_threads'
import type { Clock } from '../../kernel/clock.ts'
import { describeError } from '../../kernel/error.ts'
import { waitPatiently } from '../../kernel/patience.ts'
import { threadEnvironment, threadProgram } from '../../kernel/thread.ts'
import type { Batch, FromTapWorker, TapWorkerData, ToTapWorker } from './protocol.ts'

/** A worker that died is replaced this long after it was started, or later. */
const RESTART_SPACING_MS = 60_000

/** A worker that is silent for so long is stuck, unless a test says otherwise. */
const STUCK_MS = 30_000
/** How long one may take to read what it was sent before it is ended. */
const CLOSE_MS = 3000

/** What reading may need beyond what is held: text and objects of one large body. */
const MAX_HEAP_MB = 512

export interface TapLinkOptions extends TapWorkerData {
  readonly clock: Clock
  readonly worker: URL | undefined
  readonly stuckMs: number | undefined
  readonly onMessage: (message: FromTapWorker) => void
  /** The thread died; everything that it had under observation is lost. */
  readonly onDeath: (problem: string) => void
}

/** The thread that reads what the side taps copy: its life, and messages to it. */
export class TapLink implements AsyncDisposable {
  readonly #options: TapLinkOptions
  #worker: Worker | undefined
  #startedAt = Number.NEGATIVE_INFINITY
  #crash: unknown
  /** Operations that it has not told to be over. */
  #unread = 0
  #watchdog: Disposable | undefined
  #closing = false

  constructor(options: TapLinkOptions) {
    this.#options = options
  }

  /** Whether there is a worker; starts one unless the last start is too recent. */
  available(): boolean {
    if (this.#worker !== undefined) return true
    const now = this.#options.clock.monotonic()
    if (this.#closing || now - this.#startedAt < RESTART_SPACING_MS) return false
    this.#startedAt = now
    try {
      this.#worker = this.#spawn()
    } catch (error) {
      this.#options.onDeath(describeError(error))
    }
    return this.#worker !== undefined
  }

  post(batch: Batch): void {
    if (this.#worker === undefined) return
    for (const operations of batch.operations.values()) this.#unread += operations.length
    send(this.#worker, { type: 'batch', batch }, [batch.bytes.buffer])
    this.#watchdog ??= this.#watch()
  }

  /** Ends the thread once it has read what it was sent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true
    const worker = this.#worker
    if (worker === undefined) return
    const exited = new Promise(resolve => worker.once('exit', resolve))
    send(worker, { type: 'close' }, [])
    const overdue = setTimeout(() => void worker.terminate(), CLOSE_MS)
    await exited
    clearTimeout(overdue)
  }

  #spawn(): Worker {
    const data: TapWorkerData = { limits: this.#options.limits }
    const worker = new Worker(
      this.#options.worker ?? threadProgram('tap-worker', import.meta.url),
      {
        workerData: data,
        env: threadEnvironment(),
        name: 'tap',
        resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
      },
    )
    worker.on('message', (message: FromTapWorker) => this.#receive(message))
    worker.on('error', error => {
      this.#crash = error
    })
    worker.on('exit', code => this.#exited(code))
    return worker
  }

  #receive(message: FromTapWorker): void {
    this.#unread -= message.done
    this.#watchdog?.[Symbol.dispose]()
    this.#watchdog = this.#unread > 0 ? this.#watch() : undefined
    this.#options.onMessage(message)
  }

  #watch(): Disposable {
    const { stuckMs = STUCK_MS } = this.#options
    return waitPatiently(stuckMs, () => void this.#worker?.terminate(), false)
  }

  #exited(code: number): void {
    const cause = this.#crash ?? new Error(`the side tap's thread ended with code ${code}`)
    this.#crash = undefined
    this.#worker = undefined
    this.#unread = 0
    this.#watchdog?.[Symbol.dispose]()
    this.#watchdog = undefined
    if (!this.#closing) this.#options.onDeath(describeError(cause))
  }
}

function send(worker: Worker, message: ToTapWorker, transfer: readonly ArrayBuffer[]): void {
  worker.postMessage(message, transfer)
}
