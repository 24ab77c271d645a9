import { Worker } from 'node:worker_threads'
import { describeError } from '../kernel/error.ts'
import { threadEnvironment } from '../kernel/thread.ts'

/** What a thread can be asked: one key for each kind of question. */
export type Methods<M> = {
  readonly [K in keyof M]: { readonly argument: unknown; readonly answer: unknown }
}

/** Something that answers each kind of question by a method of its name. */
export type MethodsOf<M extends Methods<M>> = {
  readonly [K in keyof M]: (argument: M[K]['argument']) => Answered<M, K>
}

/** An answer, or the promise of one. */
export type Answered<M extends Methods<M>, K extends keyof M> =
  | M[K]['answer']
  | Promise<M[K]['answer']>

export interface Question<M> {
  readonly id: number
  readonly method: keyof M | 'close'
  readonly argument: unknown
}

export type Answer =
  | { readonly id: number; readonly ok: true; readonly value: never }
  | { readonly id: number; readonly ok: false; readonly problem: string }

export interface WorkerCallsOptions {
  readonly file: URL
  readonly name: string
  readonly data: unknown
  /** How long a thread that was told to close may take. */
  readonly closeMs?: number
  /** Questions that may be open at a time. */
  readonly maxOpen?: number
}

/** A thread that died is not started again sooner than this. */
const RESTART_MS = 1000
const CLOSE_MS = 5000

/**
 * Questions to a thread and their answers. The thread starts with the first
 * question, and again with the next one after it died; those that were open
 * then fail.
 */
export class WorkerCalls<M extends Methods<M>> implements AsyncDisposable {
  readonly #options: WorkerCallsOptions
  readonly #open = new Map<number, Waiting>()
  #worker: Worker | undefined
  #diedAt = Number.NEGATIVE_INFINITY
  #death = 'the thread ended'
  #lastId = 0
  #closed = false

  constructor(options: WorkerCallsOptions) {
    this.#options = options
  }

  /** @throws Error with the thread's own words, or when it died or is closed */
  call<K extends keyof M>(method: K, argument: M[K]['argument']): Promise<M[K]['answer']> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new Error('the books are closed'))
      if (this.#open.size >= (this.#options.maxOpen ?? Number.POSITIVE_INFINITY)) {
        return reject(new Error('too many questions at a time'))
      }
      const worker = this.#running()
      if (worker === undefined) return reject(new Error(this.#death))
      const id = ++this.#lastId
      this.#open.set(id, { resolve, reject })
      this.#post(worker, { id, method, argument })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    const worker = this.#worker
    if (worker === undefined) return
    const exited = new Promise(resolve => worker.once('exit', resolve))
    this.#post(worker, { id: 0, method: 'close', argument: undefined })
    const overdue = setTimeout(() => void worker.terminate(), this.#options.closeMs ?? CLOSE_MS)
    await exited
    clearTimeout(overdue)
  }

  #post(worker: Worker, question: Question<M>): void {
    worker.postMessage(question, [])
  }

  #running(): Worker | undefined {
    if (this.#worker !== undefined) return this.#worker
    if (performance.now() - this.#diedAt < RESTART_MS) return undefined
    const { file, name, data } = this.#options
    const worker = new Worker(file, { workerData: data, env: threadEnvironment(), name })
    worker.on('message', (answer: Answer) => this.#answered(answer))
    worker.on('error', error => {
      this.#death = describeError(error)
    })
    worker.on('exit', () => this.#exited())
    this.#worker = worker
    return worker
  }

  #answered(answer: Answer): void {
    const waiting = this.#open.get(answer.id)
    this.#open.delete(answer.id)
    if (answer.ok) waiting?.resolve(answer.value)
    else waiting?.reject(new Error(answer.problem))
  }

  #exited(): void {
    this.#worker = undefined
    this.#diedAt = performance.now()
    const waiting = [...this.#open.values()]
    this.#open.clear()
    for (const { reject } of waiting) reject(new Error(this.#death))
  }
}

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
}
