import http, { type IncomingMessage, type RequestListener, type Server } from 'node:http'
import https from 'node:https'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket, TlsOptions } from 'node:tls'
import { describeError } from '../kernel/error.ts'
import { IDLE_RECORDS, watchRecords } from '../kernel/idle-records.ts'
import type { Limits } from '../kernel/limits.ts'
import { unparsedReason } from '../kernel/reasons.ts'
import { SERVER_TLS } from '../kernel/server-tls.ts'
import { serverOptions } from '../relay/listening.ts'
import { refuseSocket } from '../relay/refusal.ts'
import { serveConnect } from './connect.ts'
import { type PlainDeps, servePlain } from './plain.ts'

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
  server.on('secureConnection', (socket: TLSSocket) => {
    // As plain connections are: tunnels pass an end on and wait for the other one.
    socket.allowHalfOpen = true
    watchTls(deps, socket)
  })
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
    deps.emit({ type: 'client_error', peer, reason: 'flood', detail: IDLE_RECORDS })
    socket.destroy()
  })
}

/** A certificate that is refused ends the connection, and Node says no more than that. */
function describeTlsError(error: Error, { authorizationError }: TLSSocket): string {
  // Null until the handshake has judged it, whatever the type says.
  const fault: unknown = authorizationError
  return typeof fault === 'string' ? `client certificate: ${fault}` : describeError(error)
}

/** Bytes that never became a request: answered where that can still be read. */
function refuseUnparsed(deps: PlainDeps, error: NodeJS.ErrnoException, socket: Socket): void {
  // The last answer is out: what still comes is only read to its end.
  if (socket.writableEnded) return
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
