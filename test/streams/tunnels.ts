import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { mayReach, startTestDaemon } from '../support/daemon.ts'
import { startTcpOrigin } from '../support/origin.ts'
import { connectThrough, readBytes } from '../support/raw-client.ts'
import { generator } from './plan.ts'

/** Who ends the tunnel how: in order, or with a break somewhere on the way. */
type Ending = 'in order' | 'client breaks' | 'origin breaks'

interface PlannedTunnel {
  readonly ending: Ending
  readonly upBytes: number
  readonly downBytes: number
}

interface Totals {
  readonly endings: Readonly<Record<Ending, number>>
  readonly bytes: number
  /** One line for each tunnel that carried other bytes than were sent, or too few. */
  readonly failures: readonly string[]
}

const IN_FLIGHT = 16
const MIB = 1 << 20
/** A prime: bytes that are moved by whole buffers differ as well. */
const PERIOD = 65_521

type Random = () => number

/**
 * Carries random bytes through tunnels of a daemon, many at a time: pieces of
 * all sizes, readers that stop now and then, ends in any order, breaks. What
 * arrives is compared byte for byte with what was sent on that tunnel.
 */
export async function runTunnels(seed: number, count: number): Promise<Totals> {
  const failures: string[] = []
  const endings = { 'in order': 0, 'client breaks': 0, 'origin breaks': 0 }
  const arrived = new Map<number, PromiseWithResolvers<number>>()
  let bytes = 0
  let next = 0

  const serve = async (socket: Socket): Promise<void> => {
    // A client may break before it has said which tunnel this is.
    const name = await readBytes(socket, 4).catch(() => undefined)
    if (name === undefined) return
    const index = name.readUInt32BE()
    const { downBytes, ending } = planTunnel(seed, index)
    const sent = sendTo(socket, `down ${index}`, downBytes, ending === 'origin breaks')
    const received = await receiveFrom(socket, `up ${index}`).catch((error: unknown) => {
      failures.push(String(error))
      return 0
    })
    arrived.get(index)?.resolve(received)
    await sent
  }
  const serving: Promise<void>[] = []
  await using origin = await startTcpOrigin(socket => serving.push(serve(socket)))
  await using daemon = await startTestDaemon({
    env: mayReach(origin.port),
  })

  const runOne = async (index: number): Promise<void> => {
    const { ending, upBytes, downBytes } = planTunnel(seed, index)
    const up = Promise.withResolvers<number>()
    arrived.set(index, up)
    const { socket } = await connectThrough(daemon.proxy, origin.authority, daemon)
    const name = Buffer.alloc(4)
    name.writeUInt32BE(index)
    socket.write(name)
    const [down, atOrigin] = await Promise.all([
      receiveFrom(socket, `down ${index}`),
      ending === 'in order' ? up.promise : 0,
      sendTo(socket, `up ${index}`, upBytes, ending === 'client breaks'),
    ])
    if (ending === 'in order' && (down !== downBytes || atOrigin !== upBytes)) {
      failures.push(`tunnel ${index}: ${atOrigin} of ${upBytes} up, ${down} of ${downBytes} down`)
    }
    endings[ending] += 1
    bytes += down + atOrigin
    arrived.delete(index)
    socket.destroy()
  }
  const work = async (): Promise<void> => {
    while (next < count) {
      const index = next
      next += 1
      await runOne(index).catch((error: unknown) =>
        failures.push(`tunnel ${index}: ${String(error)}`),
      )
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, work))
  await Promise.all(serving)
  return { endings, bytes, failures }
}

function planTunnel(seed: number, index: number): PlannedTunnel {
  const random = generator(seed * 1_000_003 + index)
  const breaks = random() < 0.25
  const ending = !breaks ? 'in order' : random() < 0.5 ? 'client breaks' : 'origin breaks'
  const size = (most: number): number => Math.floor(most ** random())
  // Some are more than the kernel's buffers take while nobody reads.
  const downBytes = random() < 0.1 ? 8 * MIB + size(16 * MIB) : size(MIB)
  return { ending, upBytes: size(2 * MIB), downBytes }
}

/** The bytes of one direction of one tunnel, over and over. */
function patternOf(name: string): Buffer {
  return createHash('shake256', { outputLength: PERIOD }).update(name).digest()
}

/** What is at an offset of the endless repetition. */
function excerpt(pattern: Buffer, offset: number, size: number): Buffer {
  const start = offset % PERIOD
  return Buffer.alloc(size, Buffer.concat([pattern.subarray(start), pattern.subarray(0, start)]))
}

function randomOf(name: string): Random {
  return generator(createHash('sha256').update(name).digest().readUInt32BE())
}

async function sendTo(socket: Socket, name: string, bytes: number, breaks: boolean): Promise<void> {
  const random = randomOf(`send ${name}`)
  const pattern = patternOf(name)
  const last = breaks ? Math.floor(bytes * random()) : bytes
  for (let sent = 0; sent < last && !socket.destroyed; ) {
    const size = Math.min(last - sent, Math.ceil(PERIOD ** random()))
    const isFree = socket.write(excerpt(pattern, sent, size))
    sent += size
    if (!isFree) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {})
    else if (random() < 0.05) await turn()
  }
  if (breaks) socket.resetAndDestroy()
  else socket.end()
}

/** How much came, all of it right. Rejects at the first chunk that is not. */
async function receiveFrom(socket: Socket, name: string): Promise<number> {
  const random = randomOf(`receive ${name}`)
  const pattern = patternOf(name)
  let received = 0
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      const bytes = chunk as Buffer
      if (!bytes.equals(excerpt(pattern, received, bytes.length))) {
        socket.destroy()
        throw new WrongBytes(`${name}: other bytes than were sent, after ${received}`)
      }
      received += bytes.length
      if (random() < 0.02) await delay(1 + 10 * random())
    }
  } catch (error) {
    if (error instanceof WrongBytes) throw error
  }
  return received
}

class WrongBytes extends Error {}
