/* Begins one call for each line on stdin, and says how that went. */
import { createInterface } from 'node:readline'
import { systemClock } from '../../src/kernel/clock.ts'
import { Recorder } from '../../src/record/recorder.ts'
import { SqliteBooks } from '../../src/record/sqlite-books.ts'
import { intent, SETTINGS } from './books-support.ts'

const recorder = await Recorder.open({
  store: new SqliteBooks({ stateDir: process.argv[2] ?? '' }),
  clock: systemClock,
  settings: () => SETTINGS,
  queueSize: 10_000,
  writeLine: () => undefined,
  onState: () => undefined,
})

for await (const _ of createInterface(process.stdin)) {
  const answer = await recorder.begin(intent()).then(
    () => 'recorded',
    (error: Error) => error.message,
  )
  process.stdout.write(`${answer}\n`)
}
await recorder[Symbol.asyncDispose]()
