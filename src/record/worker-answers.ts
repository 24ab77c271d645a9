import type { MessagePort } from 'node:worker_threads'
import { describeError } from '../kernel/error.ts'
import type { Methods, Question } from './worker-calls.ts'

export type Handlers<M extends Methods<M>> = {
  readonly [K in keyof M]: (argument: M[K]['argument']) => M[K]['answer']
}

/**
 * The thread's side of `WorkerCalls`. A handler that throws has said no; it
 * does not end the thread.
 */
export function answerCalls<M extends Methods<M>>(
  port: MessagePort,
  handlers: Handlers<M>,
  close: () => void,
): void {
  port.on('message', ({ id, method, argument }: Question<M>) => {
    if (method === 'close') {
      close()
      port.close()
      return
    }
    try {
      port.postMessage({ id, ok: true, value: handlers[method](argument) })
    } catch (error) {
      port.postMessage({ id, ok: false, problem: describeError(error) })
    }
  })
}
