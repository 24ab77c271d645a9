import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { SecureContext } from 'node:tls'
import { describeError, Refusal } from '../kernel/error.ts'
import type { Emit, Handle, Intercept, InterceptEnded } from '../kernel/flow.ts'
import type { Limits } from '../kernel/limits.ts'
import { type Reason, unparsedReason } from '../kernel/reasons.ts'
import { writeReply } from '../relay/reply.ts'
import { type Interception, judgeRequest, toCall } from './call.ts'
import { inform, joinUpgraded, refuseCall, responseOn } from './reply.ts'
import { terminate } from './terminate.ts'
import { TLS_FAILURES } from './tls-failure.ts'

/** Longer than any agent keeps an idle connection: a race there costs a failed call. */
const KEEP_ALIVE_MS = 15 * 60_000

export interface InterceptDeps {
  /** The certificate for a host; throws a `Refusal` when there can be none. */
  readonly contextFor: (host: string) => SecureContext | Promise<SecureContext>
  readonly handle: Handle
  readonly emit: Emit
  readonly limits: Limits
}

interface Session extends Interception {
  calls: number
}

/**
 * The stage behind a CONNECT to an AI host: TLS towards the client, then its
 * requests one by one to the bridge. One HTTP server serves all connections; it
 * never listens, and a session is found by its socket.
 */
export function createIntercept(deps: InterceptDeps): Intercept {
  const sessions = new WeakMap<Duplex, Session>()
  const server = createServer(deps, sessions)

  return async (client, connect, verdict) => {
    const context = await deps.contextFor(verdict.host)
    const before = { read: client.bytesRead, written: client.bytesWritten }
    client.write('HTTP/1.1 200 Connection established\r\n\r\n')
    const result = await terminate(client, context, deps.limits.tlsHandshakeTimeoutMs)
    if (typeof result === 'string')
      return ended(client, before, { calls: 0, tlsFailure: result, detail: TLS_FAILURES[result] })

    const session: Session = { connect, verdict, servername: result.servername, calls: 0 }
    sessions.set(result.socket, session)
    const closed = Promise.withResolvers<void>()
    result.socket.once('close', () => closed.resolve())
    server.emit('connection', result.socket)
    await closed.promise
    return ended(client, before, { calls: session.calls, tlsFailure: undefined, detail: undefined })
  }
}

function createServer(deps: InterceptDeps, sessions: WeakMap<Duplex, Session>): http.Server {
  const server = http.createServer({
    maxHeaderSize: deps.limits.headBytes,
    headersTimeout: deps.limits.headTimeoutMs,
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(1000, deps.limits.headTimeoutMs),
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
    const session = sessions.get(socket)
    if (session === undefined) socket.destroy()
    else void serveUpgrade(deps, session, { message, socket, head })
  })
  server.on('connect', (message: IncomingMessage) => {
    refuse(deps, responseOn(message), message, 'method_not_allowed')
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (socket instanceof Socket) refuseUnparsed(deps, error, socket)
    else socket.destroy()
  })
  return server
}

async function serveCall(
  deps: InterceptDeps,
  session: Session,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  session.calls += 1
  const fault = judgeRequest(message, session)
  if (fault !== undefined) {
    refuse(deps, response, message, fault)
    return
  }
  const call = toCall(message, session, {
    upgrade: false,
    inform: (status, headers) => inform(response, status, headers),
    signal: goneSignal(response),
  })
  try {
    const reply = await deps.handle(call)
    if (reply.kind === 'response') await writeReply(response, reply)
    else {
      reply.socket.destroy()
      refuse(deps, response, message, 'provider_broken')
    }
  } catch (error) {
    fail(deps, response, message, error)
  }
}

interface Upgrade {
  readonly message: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

async function serveUpgrade(
  deps: InterceptDeps,
  session: Session,
  upgrade: Upgrade,
): Promise<void> {
  const { message, socket, head } = upgrade
  session.calls += 1
  socket.on('error', () => {})
  const gone = new AbortController()
  socket.once('close', () => gone.abort())
  const fault = judgeRequest(message, session)
  if (fault !== undefined) {
    refuse(deps, responseOn(message), message, fault)
    return
  }
  const call = toCall(message, session, { upgrade: true, inform: undefined, signal: gone.signal })
  try {
    const reply = await deps.handle(call)
    if (reply.kind === 'response') await writeReply(responseOn(message), reply)
    else {
      const idleMs = deps.limits.tunnelIdleTimeoutMs
      await joinUpgraded(socket, head, reply, { idleMs })
    }
  } catch (error) {
    fail(deps, responseOn(message), message, error)
  }
}

/** Aborts when the client goes away before its answer is complete. */
function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) gone.abort()
  })
  return gone.signal
}

function isWebSocket(message: IncomingMessage): boolean {
  return message.method === 'GET' && message.headers.upgrade?.trim().toLowerCase() === 'websocket'
}

function refuse(
  deps: InterceptDeps,
  response: ServerResponse,
  message: IncomingMessage,
  reason: Reason,
): void {
  const peer = message.socket.remoteAddress ?? ''
  deps.emit({ type: 'client_error', peer, reason, detail: undefined })
  refuseCall(response, reason)
}

function fail(
  deps: InterceptDeps,
  response: ServerResponse,
  message: IncomingMessage,
  error: unknown,
): void {
  const peer = message.socket.remoteAddress ?? ''
  const reason = error instanceof Refusal ? error.reason : 'internal'
  deps.emit({ type: 'client_error', peer, reason, detail: describeError(error) })
  refuseCall(response, reason)
}

function refuseUnparsed(deps: InterceptDeps, error: NodeJS.ErrnoException, socket: Socket): void {
  socket.on('error', () => {})
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const reason = unparsedReason(error.code)
  deps.emit({ type: 'client_error', peer: socket.remoteAddress ?? '', reason, detail: error.code })
  socket.destroySoon()
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
