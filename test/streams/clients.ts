import { once } from 'node:events'
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { type ClientHttp2Session, constants } from 'node:http2'
import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import { OPENAI, openIntercepted } from '../flow/ai-world.ts'
import { openHttp2 } from '../flow/http2-world.ts'
import type { TestDaemon } from '../support/daemon.ts'
import { type PlannedStream, sha256 } from './plan.ts'
import { END, headersOf, writePieces } from './provider.ts'

/** What came down: its digest, and how many messages it was in. */
export interface Received {
  readonly digest: string
  readonly messages: number
}

/** Runs one planned stream through the daemon. */
export type RunStream = (index: number, plan: PlannedStream) => Promise<Received>

const PATH = '/v1/messages'

/** Keep-alive connections that each were opened with CONNECT. */
class InterceptedAgent extends Agent {
  readonly #daemon: TestDaemon

  constructor(daemon: TestDaemon, connections: number) {
    super({ keepAlive: true, maxSockets: connections })
    this.#daemon = daemon
  }

  override createConnection(
    _options: unknown,
    done: (error: Error | null, stream: Duplex) => void = () => {},
  ): undefined {
    void this.#open(done)
  }

  async #open(done: (error: Error | null, stream: Duplex) => void): Promise<void> {
    done(null, await openIntercepted(this.#daemon))
  }
}

export function createHttp1Client(daemon: TestDaemon, connections: number): RunStream & Disposable {
  const agent = new InterceptedAgent(daemon, connections)
  const run: RunStream = async (index, { up }) => {
    const headers = { host: 'api.anthropic.com', 'x-stream': String(index), ...headersOf(up) }
    const request = httpRequest({ agent, method: 'POST', path: PATH, headers })
    const [[response]] = await Promise.all([
      once(request, 'response') as Promise<[IncomingMessage]>,
      writePieces(request, up),
    ])
    return { digest: sha256(await readAll(response)), messages: 0 }
  }
  return Object.assign(run, { [Symbol.dispose]: () => agent.destroy() })
}

export function createHttp2Client(daemon: TestDaemon): RunStream & Disposable {
  let opening: Promise<ClientHttp2Session> | undefined
  let session: ClientHttp2Session | undefined
  const run: RunStream = async (index, { up }) => {
    opening ??= openHttp2(daemon)
    session = await opening
    const stream = session.request({
      ':method': 'POST',
      ':path': PATH,
      'x-stream': String(index),
      ...headersOf(up),
    })
    const [chunks] = await Promise.all([readAll(stream), writePieces(stream, up)])
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) throw new Error(`reset ${stream.rstCode}`)
    return { digest: sha256(chunks), messages: 0 }
  }
  return Object.assign(run, { [Symbol.dispose]: () => session?.destroy() })
}

export function createWebSocketClient(daemon: TestDaemon): RunStream {
  return async (index, { up, deflate }) => {
    const socket = await openIntercepted(daemon, { authority: OPENAI })
    const webSocket = new WebSocket('wss://api.openai.com/v1/responses', {
      createConnection: () => socket,
      perMessageDeflate: deflate ? { threshold: 0 } : false,
      headers: { 'x-stream': String(index) },
    })
    const chunks: Buffer[] = []
    await once(webSocket, 'open')
    const ended = new Promise<void>((resolve, reject) => {
      webSocket.once('error', reject)
      webSocket.once('close', code => reject(new Error(`closed with ${code}`)))
      webSocket.on('message', (data: Buffer, isBinary: boolean) => {
        if (isBinary) chunks.push(data)
        else resolve()
      })
    })
    for (const piece of up.pieces) webSocket.send(piece)
    webSocket.send(END)
    await ended
    webSocket.terminate()
    return { digest: sha256(chunks), messages: chunks.length }
  }
}

async function readAll(source: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const chunks: Buffer[] = []
  for await (const chunk of source) chunks.push(chunk)
  return chunks
}
