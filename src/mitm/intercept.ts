import http, { type IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { SecureContext } from 'node:tls'
import type { Emit, Handle, Intercept, InterceptEnded } from '../kernel/flow.ts'
import type { Limits } from '../kernel/limits.ts'
import { type Reason, unparsedReason } from '../kernel/reasons.ts'
import { refuseSocket } from '../relay/refusal.ts'
import { isWebSocket } from '../relay/upgrade.ts'
import { watchHeads } from './head-watch.ts'
import { refuseConnect, serveCall, serveUpgrade } from './serve.ts'
import { Session } from './session.ts'
import { terminate } from './terminate.ts'
import { TLS_FAILURES, type TlsFailure } from './tls-failure.ts'

/**
 * Node and others judge our certificate when the handshake is over, and send no
 * alert: they just close, at once. A connection that was opened ahead is kept
 * for seconds.
 */
const DROPPED_MS = 250

/** Longer than any agent keeps an idle connection: a race there costs a failed call. */
const KEEP_ALIVE_MS = 15 * 60_000

export interface InterceptDeps {
  /** The certificate for a host; throws a `Refusal` when there can be none. */
  readonly contextFor: (host: string) => SecureContext | Promise<SecureContext>
  readonly handle: Handle
  readonly emit: Emit
  readonly limits: Limits
}

type Sessions = WeakMap<Duplex, Session>

/**
 * The stage behind a CONNECT to an AI host: TLS towards the client, then its
 * requests one by one to the bridge. One HTTP server serves all connections; it
 * never listens, and a session is found by its socket.
 */
export function createIntercept(deps: InterceptDeps): Intercept {
  const sessions: Sessions = new WeakMap()
  const server = createServer(deps, sessions)

  return async (client, connect, verdict, draining) => {
    const context = await deps.contextFor(verdict.host)
    const before = { read: client.bytesRead, written: client.bytesWritten }
    if (client.destroyed) return ended(client, before, failed('closed'))
    client.write('HTTP/1.1 200 Connection established\r\n\r\n')
    const result = await terminate(client, context, deps.limits.tlsHandshakeTimeoutMs)
    if (typeof result === 'string') return ended(client, before, failed(result))

    const { socket, servername } = result
    const session = new Session({ connect, verdict, servername }, socket)
    sessions.set(socket, session)
    using watch = watchHeads(
      { bytesRead: () => socket.bytesRead, busy: () => session.busy },
      { headMs: deps.limits.headTimeoutMs, idleMs: KEEP_ALIVE_MS },
      {
        slow: () => refuseUnparsed(deps, session, 'head_timeout'),
        idle: () => socket.destroySoon(),
      },
    )
    session.watch = watch
    const secureAt = performance.now()
    const closed = Promise.withResolvers<void>()
    socket.once('close', () => closed.resolve())
    server.emit('connection', socket)
    const drain = (): void => session.drain()
    if (draining.aborted) drain()
    draining.addEventListener('abort', drain)
    await closed.promise
    draining.removeEventListener('abort', drain)
    const dropped = socket.bytesRead === 0 && performance.now() - secureAt < DROPPED_MS
    if (dropped) return ended(client, before, failed('ca_not_trusted'))
    return ended(client, before, { calls: session.calls, tlsFailure: undefined, detail: undefined })
  }
}

function createServer(deps: InterceptDeps, sessions: Sessions): http.Server {
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
  server.on('request', (message, response) => {
    const session = sessions.get(message.socket)
    if (session === undefined) response.destroy()
    else void serveCall(deps, session, message, response)
  })
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
    socket.on('error', () => {})
    const session = sessions.get(socket)
    if (session === undefined || error.code === 'ECONNRESET') socket.destroy()
    else refuseUnparsed(deps, session, unparsedReason(error.code), error.code)
  })
  return server
}

/** Bytes that never became a request. Behind an unfinished answer nothing can be said. */
function refuseUnparsed(
  deps: InterceptDeps,
  session: Session,
  reason: Reason,
  detail?: string,
): void {
  const { socket, connect } = session
  deps.emit({ type: 'client_error', peer: connect.peer.address, reason, detail })
  if (session.answering || !(socket instanceof Socket)) socket.destroySoon()
  else refuseSocket(socket, reason)
}

function failed(failure: TlsFailure): Omit<InterceptEnded, 'bytesUp' | 'bytesDown'> {
  return { calls: 0, tlsFailure: failure, detail: TLS_FAILURES[failure] }
}

function ended(
  client: Socket,
  before: { read: number; written: number },
  end: Omit<InterceptEnded, 'bytesUp' | 'bytesDown'>,
): InterceptEnded {
  return {
    ...end,
    bytesUp: client.bytesRead - before.read,
    bytesDown: client.bytesWritten - before.written,
  }
}
