import { parseArgs } from 'node:util'
import { runBursts } from './bursts.ts'
import { runSilence } from './silence.ts'
import { runStreams } from './streams.ts'
import { runTunnels } from './tunnels.ts'

/*
 * Byte equality over random streams, a tenth as many random tunnels, bursts with pauses, and
 * meanwhile calls that are answered after a long silence:
 * `npm run test:streams -- --count 10000 --seed 1`. A failure is repeated with the same seed.
 */

/** On one connection of each protocol. */
const BURSTS = 8

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
  },
})
const seed = Number(values.seed)
const count = Number(values.count)

const report = (what: object, bytes: number, startedAt: number): void => {
  const seconds = (performance.now() - startedAt) / 1000
  const split = Object.entries(what).map(([kind, number]) => `${number} ${kind}`)
  const mib = (bytes / 2 ** 20).toFixed(0)
  process.stdout.write(`seed ${seed}: ${split.join(', ')}; ${mib} MiB in ${seconds.toFixed(0)} s\n`)
}

const silence = runSilence()
let startedAt = performance.now()
const streams = await runStreams(seed, count, done => {
  if (done % 1000 === 999) process.stdout.write(`${done + 1} streams\n`)
})
report(streams.streams, streams.bytes, startedAt)

startedAt = performance.now()
const tunnels = await runTunnels(seed, Math.ceil(count / 10))
report(tunnels.endings, tunnels.bytes, startedAt)

startedAt = performance.now()
const bursts = await runBursts(BURSTS)
report({ bursts: 3 * BURSTS }, bursts.bytes, startedAt)

const failures = [...streams.failures, ...tunnels.failures, ...bursts.failures, ...(await silence)]
for (const failure of failures) process.stdout.write(`${failure}\n`)
const all = count + Math.ceil(count / 10) + 3 * BURSTS
process.stdout.write(`${all - failures.length} passed, ${failures.length} failed\n`)
process.exitCode = failures.length === 0 ? 0 : 1
