import { setTimeout as delay } from 'node:timers/promises'
import { startAiDaemon } from '../flow/ai-world.ts'
import {
  createHttp1Client,
  createHttp2Client,
  createWebSocketClient,
  type RunStream,
} from './clients.ts'
import { type PlannedBody, type PlannedStream, sha256 } from './plan.ts'
import { startStreamProvider } from './provider.ts'

const PIECE = Buffer.alloc(1 << 20, 'burst')
const PIECES = 16
/** Longer than the time between two looks of the watch for floods. */
const PAUSE_MS = 600

const BURST_TIMEOUT_MS = 20_000

interface Totals {
  readonly bytes: number
  /** One line for each burst that did not come whole. */
  readonly failures: readonly string[]
}

/**
 * What a busy agent does to one connection: much at once, then a pause, again and
 * again. Whatever counts over the life of a connection has to let that pass.
 */
export async function runBursts(count: number): Promise<Totals> {
  const arrived = new Map<number, string>()
  await using provider = await startStreamProvider(
    () => BURST,
    (index, digest) => arrived.set(index, digest),
  )
  await using daemon = await startAiDaemon(provider.url)
  using http1 = createHttp1Client(daemon, 1)
  using http2 = createHttp2Client(daemon)
  const clients: readonly RunStream[] = [http1, http2, createWebSocketClient(daemon)]
  const failures: string[] = []
  let bytes = 0

  const runOne = async (client: RunStream, index: number): Promise<void> => {
    const { digest } = await settleWithin(client(index, BURST))
    if (digest !== BODY.sha256 || arrived.get(index) !== BODY.sha256) {
      failures.push(`burst ${index}: the bytes differ`)
    }
    bytes += 2 * BODY.bytes
  }
  const work = async (client: RunStream, first: number): Promise<void> => {
    for (let index = first; index < first + count; index += 1) {
      await runOne(client, index).catch((error: unknown) =>
        failures.push(`burst ${index}: ${String(error)}`),
      )
      await delay(PAUSE_MS)
    }
  }
  await Promise.all(clients.map((client, kind) => work(client, kind * count)))
  return { bytes, failures }
}

/** A client of Node's waits for ever for some connections that were ended under it. */
async function settleWithin<T>(promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error('no end in time')), BURST_TIMEOUT_MS)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

const BODY: PlannedBody = {
  coding: 'identity',
  pieces: Array.from({ length: PIECES }, () => PIECE),
  bytes: PIECES * PIECE.length,
  sha256: sha256(Array.from({ length: PIECES }, () => PIECE)),
  hasLength: true,
}

const BURST: PlannedStream = { protocol: 'h2', up: BODY, down: BODY, deflate: false }
