import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { Writable } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { listenOnLoopback } from '../support/listen.ts'
import { testPki } from '../support/pki.ts'
import { type PlannedBody, type PlannedStream, sha256 } from './plan.ts'

/** A provider that knows what is to come and what to answer, by the stream's number. */
export interface StreamProvider extends AsyncDisposable {
  readonly url: string
}

/** `arrived` hears the SHA-256 of what came up, and how many messages it was in. */
export async function startStreamProvider(
  plan: (index: number) => PlannedStream,
  arrived: (index: number, digest: string, messages: number) => void,
): Promise<StreamProvider> {
  const { certPem: cert, keyPem: key } = testPki().issue(['localhost', '127.0.0.1'])
  const server = createServer({ cert, key, keepAliveTimeout: 60_000 })
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const index = indexOf(request)
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.once('end', () => {
      arrived(index, sha256(chunks), 0)
      const { down } = plan(index)
      response.writeHead(200, headersOf(down))
      void writePieces(response, down)
    })
  })
  const plain = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  const deflating = new WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 0 } })
  server.on('upgrade', (request, socket, head) => {
    const index = indexOf(request)
    const answering = plan(index).deflate ? deflating : plain
    answering.handleUpgrade(request, socket, head, webSocket => {
      answerMessages(webSocket, plan(index).down, (digest, count) => arrived(index, digest, count))
    })
  })
  const port = await listenOnLoopback(server)
  return {
    url: `https://localhost:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function indexOf({ headers }: IncomingMessage): number {
  return Number(headers['x-stream'])
}

export function headersOf({ coding, bytes, hasLength }: PlannedBody): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    ...(coding === 'identity' ? {} : { 'content-encoding': coding }),
    ...(hasLength ? { 'content-length': String(bytes) } : {}),
  }
}

/** Writes the pieces, each in a turn of its own, as fast as they are taken. */
export async function writePieces(sink: Writable, { pieces }: PlannedBody): Promise<void> {
  const closed = once(sink, 'close').catch(() => {})
  for (const piece of pieces) {
    if (sink.destroyed) return
    if (piece.length > 0 && !sink.write(piece)) {
      await Promise.race([once(sink, 'drain'), closed])
    }
    await new Promise(resolve => setImmediate(resolve))
  }
  sink.end()
}

/** The end of a direction is a text message; all others are binary. */
export const END = 'end'

function answerMessages(
  webSocket: WebSocket,
  down: PlannedBody,
  arrived: (digest: string, messages: number) => void,
): void {
  const chunks: Buffer[] = []
  webSocket.on('message', (data: Buffer, isBinary: boolean) => {
    if (isBinary) {
      chunks.push(data)
      return
    }
    arrived(sha256(chunks), chunks.length)
    for (const piece of down.pieces) webSocket.send(piece)
    webSocket.send(END)
  })
}
