import type { MessagePort } from 'node:worker_threads'
import { describeError } from '../kernel/error.ts'
import type { Methods, Question } from './worker-calls.ts'

/**
 * The thread's side of `WorkerCalls`. An answer that throws says no; it
 * does not end the thread.
 */
export function answerCalls<M extends Methods<M>>(
  port: MessagePort,
  answer: <K extends keyof M>(method: K, argument: M[K]['argument']) => M[K]['answer'],
  close: () => void,
): void {
  port.on('message', ({ id, method, argument }: Question<M>) => {
    if (method === 'close') {
      close()
      port.close()
      return
    }
    try {
      port.postMessage({ id, ok: true, value: answer(method, argument) })
    } catch (error) {
      port.postMessage({ id, ok: false, problem: describeError(error) })
    }
  })
}
