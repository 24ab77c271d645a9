import type { MessagePort } from 'node:worker_threads'
import { describeError } from '../kernel/error.ts'
import type { Answered, Methods, Question } from './worker-calls.ts'

/**
 * The thread's side of `WorkerCalls`. An answer that throws says no; it
 * does not end the thread.
 */
export function answerCalls<M extends Methods<M>>(
  port: MessagePort,
  answer: <K extends keyof M>(method: K, argument: M[K]['argument']) => Answered<M, K>,
  close: () => void | Promise<void>,
): void {
  const respond = async ({ id, method, argument }: Question<M>): Promise<void> => {
    if (method === 'close') {
      await close()
      port.close()
      return
    }
    try {
      port.postMessage({ id, ok: true, value: await answer(method, argument) })
    } catch (error) {
      port.postMessage({ id, ok: false, problem: describeError(error) })
    }
  }
  port.on('message', (question: Question<M>) => void respond(question))
}
