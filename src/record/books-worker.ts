import { parentPort, workerData } from 'node:worker_threads'
import { Books, type BooksOptions } from './books.ts'
import type { BooksMethods } from './thread-books.ts'
import { answerCalls } from './worker-answers.ts'
import type { MethodsOf } from './worker-calls.ts'

/*
 * The thread that writes the books: SQLite blocks, and the event loop that
 * relays streams must not.
 */

if (parentPort !== null) {
  const options: BooksOptions = workerData
  const books = new Books(options)
  const methods: MethodsOf<BooksMethods> = books
  answerCalls<BooksMethods>(
    parentPort,
    (method, argument) => methods[method](argument),
    () => books[Symbol.dispose](),
  )
}
