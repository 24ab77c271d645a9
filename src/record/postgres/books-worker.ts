import { parentPort, workerData } from 'node:worker_threads'
import type { BooksMethods } from '../thread-books.ts'
import { answerCalls } from '../worker-answers.ts'
import type { MethodsOf } from '../worker-calls.ts'
import { PostgresBooks, type PostgresBooksOptions } from './books.ts'

/*
 * The thread that writes the books: batches are megabytes of text to mask and
 * to put on the wire, and the event loop that relays streams must not.
 */

if (parentPort !== null) {
  const options: PostgresBooksOptions = workerData
  const books = new PostgresBooks(options)
  const methods: MethodsOf<BooksMethods> = books
  answerCalls<BooksMethods>(
    parentPort,
    (method, argument) => methods[method](argument),
    () => books[Symbol.asyncDispose](),
  )
}
