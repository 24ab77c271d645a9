import { Worker } from 'node:worker_threads'
import { Refusal } from '../../kernel/error.ts'
import { threadEnvironment, threadProgram } from '../../kernel/thread.ts'
import { createTurns } from '../../kernel/turns.ts'
import type { FromTranslator, Terms, ToTranslator, Translation } from './protocol.ts'

/** One request on its way through the thread. */
export interface TranslatorJob {
  /** The next piece of the body; copied. */
  push(piece: Buffer): void
  /** After the last piece. Rejects with Refusal `body_unreadable` for what is no JSON object. */
  translate(terms: Terms): Promise<Translation>
  /** Nothing more will come. */
  cancel(): void
}

/** What one large body may need as text and objects. */
const MAX_HEAP_MB = 512

/**
 * The thread that puts requests into Bedrock's form. It starts with the first
 * request, and again with the next one after it died; requests that it had then
 * fail. It keeps no process alive.
 */
export class Translator implements AsyncDisposable {
  /** SECURITY: one at a time of each user, or many small bodies that become large keep others waiting. */
  readonly #turns = createTurns(Number.POSITIVE_INFINITY, 1)
  readonly #open = new Map<number, PromiseWithResolvers<Translation>>()
  #worker: Worker | undefined
  #lastId = 0

  /** `user`: whose requests have to wait for each other. */
  begin(user: string): TranslatorJob {
    const worker = (this.#worker ??= this.#start())
    const id = ++this.#lastId
    return {
      push: piece => {
        const bytes = new Uint8Array(piece)
        send(worker, { id, type: 'piece', bytes }, [bytes.buffer])
      },
      translate: terms =>
        this.#turns(user, () => {
          if (this.#worker !== worker) throw failure(undefined)
          const waiting = Promise.withResolvers<Translation>()
          this.#open.set(id, waiting)
          worker.ref()
          send(worker, { id, type: 'translate', terms })
          return waiting.promise
        }),
      cancel: () => send(worker, { id, type: 'cancel' }),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.terminate()
  }

  #start(): Worker {
    const worker = new Worker(threadProgram('translator-worker', import.meta.url), {
      env: threadEnvironment(),
      name: 'bedrock',
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    })
    worker.unref()
    let cause: unknown
    worker.on('message', (message: FromTranslator) => this.#settle(worker, message))
    worker.on('error', error => {
      cause = error
    })
    worker.on('exit', () => {
      this.#worker = undefined
      for (const { reject } of this.#open.values()) reject(failure(cause))
      this.#open.clear()
    })
    return worker
  }

  #settle(worker: Worker, message: FromTranslator): void {
    const waiting = this.#open.get(message.id)
    this.#open.delete(message.id)
    if (this.#open.size === 0) worker.unref()
    if ('unreadable' in message) waiting?.reject(new Refusal('body_unreadable'))
    else waiting?.resolve(message)
  }
}

function failure(cause: unknown): Refusal {
  return new Refusal('internal', "the translator's thread ended", { cause })
}

function send(worker: Worker, message: ToTranslator, transfer: readonly ArrayBuffer[] = []): void {
  worker.postMessage(message, transfer)
}
