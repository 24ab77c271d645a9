import { parentPort, workerData } from 'node:worker_threads'
import type { RecordQueries } from '../kernel/records.ts'
import { BookReader } from './reader.ts'
import { answerCalls } from './worker-answers.ts'

/*
 * The thread that answers questions: a long sum over all records must delay
 * neither streams nor calls that are being begun.
 */

if (parentPort !== null) {
  const { stateDir }: { readonly stateDir: string } = workerData
  const reader = new BookReader(stateDir)
  answerCalls<RecordQueries>(
    parentPort,
    (question, argument) => reader.ask(question, argument),
    () => reader[Symbol.dispose](),
  )
}
