import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { listenOnLoopback } from './listen.ts'
import { testPki } from './pki.ts'

/** A server on 127.0.0.1 whose connections die with it. */
export interface Origin extends AsyncDisposable {
  readonly port: number
  /** `localhost:PORT`, as a CONNECT names it. */
  readonly authority: string
  readonly url: string
  /** Connections accepted so far. */
  readonly connections: number
  /** The next connection accepted after this call. */
  nextConnection(): Promise<Socket>
}

/**
 * A TCP (or, with `tls`, TLS 1.2/1.3) server that hands each connection to
 * `onConnection`; half-open connections are allowed, so that ends are seen.
 */
export async function startTcpOrigin(
  onConnection: (socket: Socket) => void,
  options: { readonly tls?: boolean } = {},
): Promise<Origin> {
  const { certPem: cert, keyPem: key } = testPki().issue(['localhost', '127.0.0.1'])
  const server = options.tls
    ? createTlsServer({ cert, key, allowHalfOpen: true }, onConnection)
    : createTcpServer({ allowHalfOpen: true }, onConnection)
  return originOf(server, options.tls ? 'tls' : 'tcp')
}

/** Sends back whatever comes, and ends when the other side has ended. */
export function echo(socket: Socket): void {
  socket.pipe(socket)
}

/** Speaks before the client does (SMTP, SSH, MySQL), then echoes. */
export function speakFirst(greeting: string): (socket: Socket) => void {
  return socket => {
    socket.write(greeting)
    echo(socket)
  }
}

/** Answers only after the client's FIN: `answer` of everything received. */
export function answerAfterEnd(answer: (received: Buffer) => string): (socket: Socket) => void {
  return socket => {
    const received: Buffer[] = []
    socket.on('data', (chunk: Buffer) => received.push(chunk))
    socket.once('end', () => socket.end(answer(Buffer.concat(received))))
  }
}

/** Sends fixed bytes once a request head has come: for malformed HTTP answers. */
export function answerRawly(...writes: readonly string[]): (socket: Socket) => void {
  return socket => {
    socket.once('data', () => {
      for (const bytes of writes) socket.write(bytes)
      socket.end()
    })
  }
}

export interface HttpOriginOptions {
  /** `h2` also speaks HTTP/1.1 by ALPN. */
  readonly protocol?: 'http' | 'https' | 'h2'
  /** Called for HTTP/1.1 requests; `echoRequest` unless given. */
  readonly handler?: RequestListener
}

/** An ordinary web server; by default it echoes bodies (see `echoRequest`). */
export async function startHttpOrigin(options: HttpOriginOptions = {}): Promise<Origin> {
  const { protocol = 'https', handler = echoRequest } = options
  const { certPem: cert, keyPem: key } = testPki().issue(['localhost', '127.0.0.1'])

  if (protocol === 'http') return originOf(createHttpServer(handler), 'http')
  if (protocol === 'https') return originOf(createHttpsServer({ cert, key }, handler), 'https')
  const server = createSecureServer({ cert, key, allowHTTP1: true })
  server.on('request', echoRequest)
  return originOf(server, 'https')
}

/** Answers with the request's body, its method, path and HTTP version in headers. */
export function echoRequest(
  req: Parameters<RequestListener>[0] | Http2ServerRequest,
  res: Parameters<RequestListener>[1] | Http2ServerResponse,
): void {
  res.setHeader('x-method', req.method ?? '')
  res.setHeader('x-path', req.url ?? '')
  res.setHeader('x-version', req.httpVersion)
  res.setHeader('content-type', req.headers['content-type'] ?? 'application/octet-stream')
  req.pipe(res)
}

async function originOf(server: Server, scheme: string): Promise<Origin> {
  const sockets = new Set<Socket>()
  const waiting: ((socket: Socket) => void)[] = []
  let accepted = 0

  server.prependListener('connection', (socket: Socket) => {
    accepted += 1
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => sockets.delete(socket))
    for (const resolve of waiting.splice(0)) resolve(socket)
  })
  server.on('secureConnection', (socket: Socket) => socket.on('error', () => socket.destroy()))
  const port = await listenOnLoopback(server)

  return {
    port,
    authority: `localhost:${port}`,
    url: `${scheme}://localhost:${port}`,
    get connections(): number {
      return accepted
    },
    nextConnection: () => new Promise(resolve => waiting.push(resolve)),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
