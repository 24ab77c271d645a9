import http, {
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
} from 'node:http'
import https from 'node:https'
import { type AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket, TlsOptions } from 'node:tls'
import { EMPTY_RECORDS, watchRecords } from '../kernel/empty-records.ts'
import { describeError } from '../kernel/error.ts'
import type { Limits } from '../kernel/limits.ts'
import { listenFailure } from '../kernel/listen-failure.ts'
import { unparsedReason } from '../kernel/reasons.ts'
import { SERVER_TLS } from '../kernel/server-tls.ts'
import type { ListenAddress } from '../kernel/target.ts'
import { refuseSocket } from '../relay/refusal.ts'
import { serveConnect } from './connect.ts'
import { type PlainDeps, servePlain } from './plain.ts'

const BACKLOG = 4096

/** As nginx has it; clients reuse connections after longer than Node's 5 s. */
const KEEP_ALIVE_MS = 75_000

/** Settings of every listener of the proxy port, plain or TLS. */
function serverOptions(limits: Limits): ServerOptions {
  return {
    maxHeaderSize: limits.headBytes,
    headersTimeout: limits.headTimeoutMs,
    // Streams may upload for as long as they like; the head has its own limit.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(1000, limits.headTimeoutMs),
    // HTTP/1.1 without Host reaches us, so that the refusal is ours and counted.
    requireHostHeader: false,
    insecureHTTPParser: false,
    noDelay: true,
    keepAlive: true,
  }
}

/**
 * A listener of the proxy port. `tls` makes it an `https://` proxy. It answers
 * CONNECT and absolute-form requests and nothing else.
 */
export function createListener(
  deps: PlainDeps,
  limits: Limits,
  tls: TlsOptions | undefined,
): Server {
  const options = serverOptions(limits)
  const server =
    tls === undefined
      ? http.createServer(options)
      : https.createServer({
          ...options,
          ...tls,
          ...SERVER_TLS,
          handshakeTimeout: limits.tlsHandshakeTimeoutMs,
          ALPNProtocols: ['http/1.1'],
        })
  server.maxHeadersCount = limits.headCount
  server.on('connection', (socket: Socket) => deps.sessions.arrive(socket))
  server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    void serveConnect(deps, request, socket, head)
  })
  const onRequest: RequestListener = (request, response) => {
    void servePlain(deps, request, response)
  }
  // Node would answer an unknown expectation by itself, out of turn.
  server.on('request', onRequest).on('checkExpectation', onRequest)
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (socket instanceof Socket) refuseUnparsed(deps, error, socket)
    else socket.destroy()
  })
  server.on('secureConnection', (socket: TLSSocket) => watchTls(deps, socket))
  server.on('tlsClientError', (error, socket) => {
    deps.emit({
      type: 'client_error',
      peer: socket.remoteAddress ?? '',
      reason: 'request_malformed',
      detail: `TLS: ${describeTlsError(error, socket)}`,
    })
  })
  return server
}

function watchTls(deps: PlainDeps, socket: TLSSocket): void {
  // Node keeps the connection beneath there, and nowhere else.
  const raw: unknown = Reflect.get(socket, '_parent')
  if (!(raw instanceof Socket)) return
  watchRecords(raw, socket, () => {
    const peer = socket.remoteAddress ?? ''
    deps.emit({ type: 'client_error', peer, reason: 'flood', detail: EMPTY_RECORDS })
    socket.destroy()
  })
}

/** A certificate that is refused ends the connection, and Node says no more than that. */
function describeTlsError(error: Error, { authorizationError }: TLSSocket): string {
  // Null until the handshake has judged it, whatever the type says.
  const fault: unknown = authorizationError
  return typeof fault === 'string' ? `client certificate: ${fault}` : describeError(error)
}

/** Opens the port that `option` names; a taken or forbidden one is a configuration problem. */
export function listen(
  server: Server,
  address: ListenAddress,
  option: string,
): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(listenFailure(option, address, error)))
    server.listen({ host: address.host, port: address.port, backlog: BACKLOG }, () => {
      server.removeAllListeners('error')
      // Running out of file descriptors must not end us. Sessions are bounded
      // below that; where it happens all the same, libuv closes what it accepts.
      server.on('error', () => {})
      const bound = server.address()
      if (bound === null || typeof bound === 'string') reject(new Error('not a TCP listener'))
      else resolve(bound)
    })
  })
}

/** Bytes that never became a request: answered where that can still be read. */
function refuseUnparsed(deps: PlainDeps, error: NodeJS.ErrnoException, socket: Socket): void {
  socket.on('error', () => {})
  const reason = unparsedReason(error.code)
  if (error.code !== 'ECONNRESET') {
    deps.emit({
      type: 'client_error',
      peer: socket.remoteAddress ?? '',
      reason,
      detail: error.code,
    })
  }
  refuseSocket(socket, reason)
}
