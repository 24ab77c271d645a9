import { parentPort, workerData } from 'node:worker_threads'
import type { RecordQueries } from '../../kernel/records.ts'
import { answerCalls } from '../worker-answers.ts'
import { PostgresReader } from './reader.ts'
import type { ServerData } from './server-data.ts'

/*
 * The thread that answers questions: a page of calls is megabytes to take in,
 * and must delay neither streams nor calls that are being begun.
 */

if (parentPort !== null) {
  const { server }: { readonly server: ServerData } = workerData
  const reader = new PostgresReader(server)
  answerCalls<RecordQueries>(
    parentPort,
    (question, argument) => reader.ask(question, argument),
    () => reader[Symbol.asyncDispose](),
  )
}
