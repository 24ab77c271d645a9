import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { TestDaemon } from '../support/daemon.ts'
import { ANTHROPIC, type OpenOptions, openIntercepted } from './ai-world.ts'

/** An HTTP/2 session inside an intercepted connection. */
export async function openHttp2(
  daemon: TestDaemon,
  options: OpenOptions & { readonly settings?: object } = {},
): Promise<ClientHttp2Session> {
  const { authority, tls = {}, settings } = options
  const socket = await openIntercepted(daemon, {
    ...options,
    tls: { ...tls, ALPNProtocols: ['h2', 'http/1.1'] },
  })
  return overHttp2(socket, authority, settings)
}

/** An HTTP/2 session over TLS that stands. */
export function overHttp2(
  socket: TLSSocket,
  authority = ANTHROPIC,
  settings = {},
): ClientHttp2Session {
  const session = connect(`https://${authority}`, {
    createConnection: () => socket,
    settings,
    // Or a client that holds a large upload would refuse its own answers.
    maxSessionMemory: 100,
  })
  session.on('error', () => {})
  return session
}

/** One answer over HTTP/2. */
export interface Http2Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
  readonly trailers: IncomingHttpHeaders
  /** The code of RST_STREAM, 0 for none. */
  readonly code: number
}

/** Sends a request; `body` is what follows its head, if anything does. */
export function send(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): ClientHttp2Stream {
  const stream = session.request(
    { ':path': '/v1/messages', ...(body === undefined ? {} : { ':method': 'POST' }), ...headers },
    { endStream: body === undefined },
  )
  stream.on('error', () => {})
  if (body !== undefined) stream.end(body)
  return stream
}

/** Reads an answer to its end, whether that is whole or a reset. */
export async function readHttp2(stream: ClientHttp2Stream): Promise<Http2Answer> {
  const chunks: Buffer[] = []
  let headers: IncomingHttpHeaders & { ':status'?: number | undefined } = {}
  let trailers: IncomingHttpHeaders = {}
  stream.once('response', received => {
    headers = received
  })
  stream.once('trailers', received => {
    trailers = received
  })
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.resume()
  if (!stream.destroyed) await new Promise(resolve => stream.once('close', resolve))
  const body = Buffer.concat(chunks)
  const code = stream.rstCode ?? 0
  return { status: headers[':status'] ?? 0, headers, body, text: body.toString(), trailers, code }
}

export async function askHttp2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Http2Answer> {
  return await readHttp2(send(session, headers, body))
}
