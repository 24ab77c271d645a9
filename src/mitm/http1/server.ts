import http, { type IncomingMessage, type RequestListener } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Reason, unparsedReason } from '../../kernel/reasons.ts'
import { refuseSocket } from '../../relay/refusal.ts'
import { isWebSocket } from '../../relay/upgrade.ts'
import { emitUnparsed, KEEP_ALIVE_MS, type Serve, type ServeDeps } from '../connection.ts'
import { watchHeads } from '../head-watch.ts'
import { refuseConnect, serveCall, serveUpgrade } from './serve.ts'
import { Session } from './session.ts'

type Sessions = WeakMap<Duplex, Session>

/**
 * HTTP/1.1 over decrypted connections. One server serves them all; it never
 * listens, and a session is found by its socket.
 */
export function createHttp1(deps: ServeDeps): Serve {
  const sessions: Sessions = new WeakMap()
  const server = createServer(deps, sessions)

  return (socket, interception) => {
    const session = new Session(interception, socket)
    sessions.set(socket, session)
    session.watch = watchHeads(
      { bytesRead: () => socket.bytesRead, busy: () => session.busy },
      { headMs: deps.limits.headTimeoutMs, idleMs: KEEP_ALIVE_MS },
      {
        slow: () => refuseUnparsed(deps, session, 'head_timeout'),
        idle: () => socket.destroySoon(),
      },
    )
    server.emit('connection', socket)
    return session
  }
}

function createServer(deps: ServeDeps, sessions: Sessions): http.Server {
  const server = http.createServer({
    maxHeaderSize: deps.limits.headBytes,
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requireHostHeader: false,
    insecureHTTPParser: false,
    noDelay: true,
    // Only WebSocket: an h2c upgrade forwarded blindly would open a second
    // protocol that nobody reads.
    shouldUpgradeCallback: isWebSocket,
  })
  server.maxHeadersCount = deps.limits.headCount
  const onRequest: RequestListener = (message, response) => {
    const session = sessions.get(message.socket)
    if (session === undefined) response.destroy()
    else void serveCall(deps, session, message, response)
  }
  // Node would answer an unknown expectation by itself, out of turn.
  server.on('request', onRequest).on('checkExpectation', onRequest)
  server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Node wraps the socket while a body is still to come.
    const session = sessions.get(message.socket)
    if (session === undefined) socket.destroy()
    else void serveUpgrade(deps, session, message, head)
  })
  server.on('connect', (message: IncomingMessage, socket: Duplex) => {
    const session = sessions.get(socket)
    if (session === undefined) socket.destroy()
    else refuseConnect(deps, session, message)
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    // The last answer is out: what still comes is only read to its end.
    if (socket.writableEnded) return
    socket.on('error', () => {})
    const session = sessions.get(socket)
    if (session === undefined || error.code === 'ECONNRESET') socket.destroy()
    else refuseUnparsed(deps, session, unparsedReason(error.code), error.code)
  })
  return server
}

/** Bytes that never became a request. */
function refuseUnparsed(deps: ServeDeps, session: Session, reason: Reason, detail?: string): void {
  const { socket } = session
  emitUnparsed(deps.emit, session, reason, detail)
  refuseSocket(socket, reason)
}
