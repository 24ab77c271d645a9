/*
 * `node test/record/measure.ts [CALLS] [PARALLEL] [postgres]`: what recording
 * costs, in SQLite or over a PostgreSQL that flushes to the disk. Prints the
 * latency of begin, calls per second, and CPU per call in all and on the
 * event loop that relays streams; then how long questions take on as many rows.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/kernel/clock.ts'
import { PostgresBooks } from '../../src/record/postgres-books.ts'
import { Recorder } from '../../src/record/recorder.ts'
import { SqliteBooks } from '../../src/record/sqlite-books.ts'
import { parsePostgresUrl, startPostgres } from '../support/postgres.ts'
import { ended, intent, request, response, SETTINGS } from './books-support.ts'

const calls = Number(process.argv[2] ?? 20_000)
const parallel = Number(process.argv[3] ?? 32)
const stateDir = mkdtempSync(join(tmpdir(), 'aibp-measure-'))
const server = process.argv[4] === 'postgres' ? await startPostgres({ settings: [] }) : undefined
const recorder = await Recorder.open({
  store:
    server === undefined
      ? new SqliteBooks({ stateDir })
      : new PostgresBooks({ server: parsePostgresUrl(server.createDatabase()) }),
  clock: systemClock,
  settings: () => SETTINGS,
  queueSize: 10_000,
  writeLine: () => undefined,
  onState: problem => console.log('state', problem),
})

const prompt = 'p'.repeat(2000)
const tool = { callId: null, name: 'Bash', input: '{"command":"ls -la"}', serverUrl: null }

async function oneCall(index: number): Promise<number> {
  const call = intent({ user: `user-${index % 50}`, sessionId: `session-${index % 5000}` })
  const start = performance.now()
  await recorder.begin(call)
  const ms = performance.now() - start
  recorder.request(call.callId, request({ prompt, model: `model-${index % 12}` }))
  const callId = `toolu_${index}`
  recorder.response(call.callId, response({ tools: [{ ...tool, callId }] }))
  recorder.finish(ended(call))
  return ms
}

async function measure(count: number, width: number): Promise<void> {
  const latencies: number[] = []
  let next = 0
  const cpu = process.cpuUsage()
  const loop = process.threadCpuUsage()
  const start = performance.now()
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < count) {
        next += 1
        latencies.push(await oneCall(next))
      }
    }),
  )
  await recorder.flush()
  const seconds = (performance.now() - start) / 1000
  const used = process.cpuUsage(cpu)
  const own = process.threadCpuUsage(loop)
  latencies.sort((a, b) => a - b)
  const at = (share: number): string => (latencies[Math.floor(share * count)] ?? 0).toFixed(2)
  console.log(
    `${count} calls, ${width} at a time: ${(count / seconds).toFixed(0)} calls/s; ` +
      `begin p50 ${at(0.5)} p99 ${at(0.99)} max ${at(0.99999)} ms; ` +
      `CPU per call ${((used.user + used.system) / count).toFixed(0)} µs, ` +
      `of it on the event loop ${((own.user + own.system) / count).toFixed(0)} µs; ` +
      `dropped ${recorder.dropped}`,
  )
}

await measure(1000, 1)
await measure(calls, parallel)

const filter = {}
const questions: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['countCalls', () => recorder.ask('countCalls', filter)],
  ['calls', () => recorder.ask('calls', { filter, before: null, offset: 0, limit: 100 })],
  [
    'calls of a user',
    () =>
      recorder.ask('calls', { filter: { user: 'user-7' }, before: null, offset: 0, limit: 100 }),
  ],
  ['countSessions', () => recorder.ask('countSessions', filter)],
  ['sessions', () => recorder.ask('sessions', { filter, after: null, offset: 0, limit: 100 })],
  [
    'names',
    () => recorder.ask('names', { of: 'model', prefix: '', filter, offset: 0, limit: 100 }),
  ],
  ['usage', () => recorder.ask('usage', { filter, by: 'user' })],
]
for (const [name, ask] of questions) {
  const start = performance.now()
  await ask()
  console.log(`${name}: ${(performance.now() - start).toFixed(1)} ms`)
}
await recorder[Symbol.asyncDispose]()
await server?.[Symbol.asyncDispose]()
rmSync(stateDir, { recursive: true })
