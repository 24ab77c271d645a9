/*
 * Keeps books under load until it is killed. Each line in the file is written
 * before anything else happens, and is what a provider would have seen.
 */
import { openSync, writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../src/kernel/clock.ts'
import { Recorder } from '../../src/record/recorder.ts'
import { SqliteBooks } from '../../src/record/sqlite-books.ts'
import { ended, intent, request, response, SETTINGS } from './books-support.ts'

const [stateDir = '', file = '', parallel = '8'] = process.argv.slice(2)
const fd = openSync(file, 'a')
const say = (text: string): void => void writeSync(fd, `${text}\n`)

const openedAt = performance.now()
const recorder = await Recorder.open({
  store: new SqliteBooks({ stateDir }),
  clock: systemClock,
  settings: () => SETTINGS,
  queueSize: 10_000,
  writeLine: () => undefined,
  onState: () => undefined,
})
process.stdout.write(`${performance.now() - openedAt}\n`)

async function callForever(): Promise<void> {
  for (;;) {
    const call = intent()
    await recorder.begin(call)
    say(`sent ${call.callId}`)
    recorder.request(call.callId, request({ prompt: 'p'.repeat(2000) }))
    await delay(Math.random() * 4)
    recorder.response(call.callId, response())
    recorder.finish(ended(call))
    say(`ended ${call.callId} ${Date.now()}`)
  }
}

await Promise.all(Array.from({ length: Number(parallel) }, callForever))
