import type { Duplex } from 'node:stream'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import {
  type AiWorld,
  ANTHROPIC,
  HOST_ANTHROPIC,
  OPENAI,
  openIntercepted,
  startAiWorld,
} from '../flow/ai-world.ts'
import { exchangeOn, get } from '../flow/wire.ts'
import { generator } from '../streams/plan.ts'
import { frame, PREFACE, TYPE } from '../support/http2-frames.ts'
import { connectRaw } from '../support/raw-client.ts'
import { type Below, framesOf, pick, piecesFor } from './pieces.ts'

/*
 * Random conversations with every port of a daemon: pieces of requests in any
 * order, cut anywhere, ended in any way, while the provider misbehaves as well.
 * `npm run test:fuzz -- --seconds 30 --seed 1`. The daemon must live, call
 * nothing an internal error, and end every call that it has begun.
 */

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
  },
})
const seed = Number(values.seed)
const until = performance.now() + Number(values.seconds) * 1000
const AT_ONCE = 8
/** What a client left unread after GOAWAY is given up last. */
const LAST_CALL_MS = 70_000

await using world = await startAiWorld({
  env: {
    CODER_AIBRIDGE_PROXY_ALLOWED_PRIVATE_CIDRS: '127.0.0.0/8',
    CODER_AIBRIDGE_PROXY_HEAD_TIMEOUT: '500ms',
  },
})
misbehave(world, belowOf(seed))

const surfaces = surfacesOf(world)
let next = 0
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (performance.now() < until) {
      next += 1
      await converse(belowOf(seed * 1_000_003 + next))
    }
  }),
)

const isOver = await callsEnd(world)
world.provider.script(undefined)
const last = await openIntercepted(world.daemon)
const { status } = await exchangeOn(last, get('/v1/models', HOST_ANTHROPIC))
last.destroy()
const { events } = world.daemon
const faults = events.filter(event => 'reason' in event && event.reason === 'internal')
for (const fault of faults) process.stdout.write(`${JSON.stringify(fault)}\n`)
const failures = (isOver ? 0 : 1) + (status === 200 ? 0 : 1) + faults.length
process.stdout.write(
  `seed ${seed}: ${next} conversations, ${callsOf(world, 'call_started')} calls begun, ` +
    `${callsOf(world, 'call_ended')} ended, then ${status}\n` +
    `${next - failures} passed, ${failures} failed\n`,
)
process.exitCode = failures === 0 ? 0 : 1

interface Surface {
  readonly open: (below: Below) => Promise<Duplex>
  readonly say: (below: Below) => readonly Buffer[]
}

function surfacesOf({ daemon }: AiWorld): readonly Surface[] {
  const basic = Buffer.from(daemon.credentials).toString('base64')
  const outside = piecesFor('x', { credentials: [`Proxy-Authorization: Basic ${basic}`] })
  const strange = piecesFor('x')
  const inside = piecesFor(HOST_ANTHROPIC)
  const onApi = piecesFor(`${daemon.api.host}:${daemon.api.port}`, {
    base: '/api/v2/aibridge/openai',
    credentials: [`Authorization: Bearer ${daemon.token}`],
  })
  const some = (pieces: readonly Buffer[]) => (below: Below) =>
    Array.from({ length: 1 + below(5) }, () => pick(pieces, below))
  return [
    { open: () => connectRaw(daemon.proxy), say: some(outside) },
    { open: () => connectRaw(daemon.proxy), say: some(strange) },
    { open: () => connectRaw(daemon.api), say: some(onApi) },
    { open: () => connectRaw(daemon.api), say: some(strange) },
    {
      open: below => openIntercepted(daemon, { authority: pick([ANTHROPIC, OPENAI], below) }),
      say: some(inside),
    },
    {
      open: () => openIntercepted(daemon, { tls: { ALPNProtocols: ['h2'] } }),
      say: below => [PREFACE, frame(TYPE.settings, 0, 0), ...framesOf(below, 3 + below(15))],
    },
  ]
}

/** One connection: all of it at once or in pieces, then an end in order, a break, or silence. */
async function converse(below: Below): Promise<void> {
  const { open, say } = pick(surfaces, below)
  const socket = await open(below)
  socket.on('error', () => {})
  socket.resume()
  const bytes = Buffer.concat(say(below))
  for (let at = 0; at < bytes.length && !socket.destroyed; ) {
    const size = pick([bytes.length, 1 + below(40), 1 + below(400)], below)
    socket.write(bytes.subarray(at, at + size))
    at += size
    if (below(3) === 0) await turn()
  }
  if (below(2) === 0) await wait(below(60))
  if (below(3) === 0) socket.end()
  await wait(below(40))
  socket.destroy()
}

function misbehave({ provider }: AiWorld, below: Below): void {
  const ways = [
    {},
    {},
    { stallAfter: 1 },
    { cutAfter: 0 },
    { cutAfter: 1 },
    { trailers: { 'x-a': 'b' }, pieces: ['ok'] },
    { earlyHint: '</a>; rel=preload' },
  ]
  provider.script(() => pick(ways, below))
}

/** Whether every call that began has ended. */
async function callsEnd(of: AiWorld): Promise<boolean> {
  const limit = performance.now() + LAST_CALL_MS
  while (callsOf(of, 'call_ended') < callsOf(of, 'call_started')) {
    if (performance.now() > limit) return false
    await wait(100)
  }
  return true
}

function callsOf({ daemon }: AiWorld, type: 'call_started' | 'call_ended'): number {
  return daemon.events.filter(event => event.type === type).length
}

function belowOf(start: number): Below {
  const random = generator(start)
  return most => Math.floor(random() * most)
}
