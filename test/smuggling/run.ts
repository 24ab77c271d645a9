/**
 * `npm run test:smuggling`: sends requests that servers disagree about into an
 * intercepted connection. Whatever the daemon lets through is then given, byte
 * for byte and with one more request behind it, to Debian's haproxy, nginx and
 * squid: each must read the one request that was meant, and the one behind it.
 * Exits with 1 when any of them reads anything else.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { openIntercepted, startAiDaemon } from '../flow/ai-world.ts'
import type { TestDaemon } from '../support/daemon.ts'
import { readToEnd } from '../support/raw-client.ts'
import { CASES, type Case } from './cases.ts'
import { startByteRecorder } from './forwarded.ts'
import { type Read, type Readers, startReaders } from './readers.ts'

const MARKER: Read = { method: 'GET', path: '/marker', body: '' }
const BEHIND = 'GET /marker HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
const SILENCE_MS = 3000

await using recorder = await startByteRecorder()
await using daemon = await startAiDaemon(`http://127.0.0.1:${recorder.port}`)
await using readers = await startReaders()

let wrong = 0
let refused = 0
for (const each of CASES) {
  const status = await send(daemon, each)
  const forwarded = recorder.take()
  if (forwarded.length === 0) refused += 1
  const problems = await judge(each, forwarded, readers)
  wrong += problems.length
  const outcome = forwarded.length === 0 ? `refused, ${status}` : `let through, ${status}`
  console.log(`${problems.length === 0 ? 'ok ' : 'BAD'}  ${each.name}: ${outcome}`)
  for (const problem of problems) console.log(`     ${problem}`)
}
console.log(
  `\n${CASES.length} requests: ${refused} refused, ${CASES.length - refused} let through and read by ${Object.keys(readers.ports).join(', ')}; ${wrong} readings wrong`,
)
process.exitCode = wrong > 0 || refused === CASES.length ? 1 : 0

/** The status of the first answer, or `closed`. */
async function send(to: TestDaemon, { raw }: Case): Promise<string> {
  const socket = await openIntercepted(to)
  socket.setTimeout(SILENCE_MS, () => socket.destroy())
  // A second request would wait for ever behind a connection that is to close.
  socket.write(Buffer.from(raw, 'latin1'))
  const [first] = (await Promise.race([once(socket, 'data'), once(socket, 'close')])) as [unknown]
  socket.destroy()
  return Buffer.isBuffer(first)
    ? (/^HTTP\/1\.1 (\d+)/.exec(first.toString('latin1'))?.[1] ?? '?')
    : 'closed'
}

async function judge(
  meant: Case,
  forwarded: readonly string[],
  to: Readers,
): Promise<readonly string[]> {
  const [bytes] = forwarded
  if (bytes === undefined) return []
  if (forwarded.length > 1) return [`${forwarded.length} requests went to the provider`]
  const problems: string[] = []
  for (const [name, port] of Object.entries(to.ports)) {
    to.take()
    await replay(port, bytes + BEHIND)
    const reads = to.take()
    const wanted = [{ method: meant.method, path: meant.path, body: meant.body }, MARKER]
    if (!isDeepStrictEqual(reads, wanted)) problems.push(`${name} read ${JSON.stringify(reads)}`)
  }
  return problems
}

async function replay(port: number, bytes: string): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.setTimeout(SILENCE_MS, () => socket.destroy())
  socket.write(Buffer.from(bytes, 'latin1'))
  await readToEnd(socket).catch(() => undefined)
}
