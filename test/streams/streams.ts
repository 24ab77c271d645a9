import { startAiDaemon } from '../flow/ai-world.ts'
import {
  createHttp1Client,
  createHttp2Client,
  createWebSocketClient,
  type RunStream,
} from './clients.ts'
import { type PlannedStream, planStream } from './plan.ts'
import { startStreamProvider } from './provider.ts'

interface Totals {
  readonly streams: Readonly<Record<PlannedStream['protocol'], number>>
  readonly bytes: number
  /** One line for each stream whose bytes differ, or that did not come to its end. */
  readonly failures: readonly string[]
}

const IN_FLIGHT = 8

/**
 * Sends random streams through a daemon over HTTP/1.1, HTTP/2 and WebSocket and
 * compares the SHA-256 of both directions.
 */
export async function runStreams(
  seed: number,
  count: number,
  onProgress: (done: number) => void = () => {},
): Promise<Totals> {
  const arrived = new Map<number, { digest: string; messages: number }>()
  const plans = new Map<number, PlannedStream>()
  const planOf = (index: number): PlannedStream => plans.get(index) ?? planStream(seed, index)
  await using provider = await startStreamProvider(planOf, (index, digest, messages) => {
    arrived.set(index, { digest, messages })
  })
  await using daemon = await startAiDaemon(provider.url)
  using http1 = createHttp1Client(daemon, IN_FLIGHT)
  using http2 = createHttp2Client(daemon)
  const clients: Record<PlannedStream['protocol'], RunStream> = {
    'http/1.1': http1,
    h2: http2,
    websocket: createWebSocketClient(daemon),
  }
  const streams = { 'http/1.1': 0, h2: 0, websocket: 0 }
  const failures: string[] = []
  let bytes = 0
  let next = 0

  const runOne = async (index: number): Promise<void> => {
    const plan = planStream(seed, index)
    plans.set(index, plan)
    const down = await clients[plan.protocol](index, plan)
    const up = arrived.get(index)
    const messages = (body: PlannedStream['up']): number =>
      plan.protocol === 'websocket' ? body.pieces.length : 0
    const same =
      up?.digest === plan.up.sha256 &&
      up.messages === messages(plan.up) &&
      down.digest === plan.down.sha256 &&
      down.messages === messages(plan.down)
    if (!same) failures.push(`stream ${index} (${plan.protocol}): the bytes differ`)
    streams[plan.protocol] += 1
    bytes += plan.up.bytes + plan.down.bytes
  }
  const work = async (): Promise<void> => {
    while (next < count) {
      const index = next
      next += 1
      await runOne(index).catch((error: unknown) =>
        failures.push(`stream ${index}: ${String(error)}`),
      )
      plans.delete(index)
      arrived.delete(index)
      onProgress(index)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, work))
  return { streams, bytes, failures }
}
