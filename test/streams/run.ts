import { parseArgs } from 'node:util'
import { runStreams } from './streams.ts'

/*
 * Byte equality over random streams: `npm run test:streams -- --count 10000 --seed 1`.
 * A failure is repeated with the same seed.
 */

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
  },
})
const startedAt = performance.now()
const { streams, bytes, failures } = await runStreams(
  Number(values.seed),
  Number(values.count),
  done => {
    if (done % 1000 === 999) process.stdout.write(`${done + 1} streams\n`)
  },
)
for (const failure of failures) process.stdout.write(`${failure}\n`)
const seconds = (performance.now() - startedAt) / 1000
const split = Object.entries(streams)
  .map(([protocol, number]) => `${number} ${protocol}`)
  .join(', ')
process.stdout.write(
  `seed ${values.seed}: ${split}; ${(bytes / 2 ** 20).toFixed(0)} MiB in ${seconds.toFixed(0)} s\n`,
)
process.stdout.write(
  `${Number(values.count) - failures.length} passed, ${failures.length} failed\n`,
)
process.exitCode = failures.length === 0 ? 0 : 1
