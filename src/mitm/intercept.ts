import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import type { Identity, Intercept, InterceptEnded } from '../kernel/flow.ts'
import { IDLE_RECORDS, watchRecords } from '../kernel/idle-records.ts'
import { type Connection, emitUnparsed, type ServeDeps } from './connection.ts'
import { createHttp1 } from './http1/server.ts'
import { createHttp2 } from './http2/connection.ts'
import { terminate } from './terminate.ts'
import { TLS_FAILURES, type TlsFailure } from './tls-failure.ts'

/**
 * Node and others judge our certificate when the handshake is over, and send no
 * alert: they just close, at once. A connection that was opened ahead is kept
 * for seconds.
 */
const DROPPED_MS = 250

export interface InterceptDeps extends ServeDeps {
  /** The certificate for a host, and the sessions of a caller; throws a `Refusal` when there can be none. */
  readonly contextFor: (host: string, caller: Identity) => SecureContext | Promise<SecureContext>
  /** Aborts when the daemon drains: what is idle shall close. */
  readonly draining: AbortSignal
}

/**
 * The stage behind a CONNECT to an AI host: TLS towards the client, then its
 * requests one by one to the bridge, in the protocol that ALPN chose.
 */
export function createIntercept(deps: InterceptDeps): Intercept {
  const http1 = createHttp1(deps)
  const http2 = createHttp2(deps)
  // One listener for all: a signal looks through its listeners for each that comes or goes.
  const open = new Set<Connection>()
  deps.draining.addEventListener('abort', () => {
    for (const connection of open) connection.drain()
  })

  return async (client, connect, verdict) => {
    const context = await deps.contextFor(verdict.host, connect.caller.identity)
    const before = { read: client.bytesRead, written: client.bytesWritten }
    if (client.destroyed) return ended(client, before, failed('closed'))
    client.write('HTTP/1.1 200 Connection established\r\n\r\n')
    const result = await terminate(client, context, deps.limits.tlsHandshakeTimeoutMs)
    if (typeof result === 'string') return ended(client, before, failed(result))

    const { socket, servername } = result
    if (socket.destroyed) return ended(client, before, failed('closed'))
    const secureAt = performance.now()
    const closed = Promise.withResolvers<void>()
    socket.once('close', () => closed.resolve())
    const serve = socket.alpnProtocol === 'h2' ? http2 : http1
    const interception = { connect, verdict, servername }
    watchRecords(client, socket, () => {
      emitUnparsed(deps.emit, interception, 'flood', IDLE_RECORDS)
      socket.destroy()
    })
    using connection = serve(socket, interception)
    open.add(connection)
    if (deps.draining.aborted) connection.drain()
    await closed.promise
    open.delete(connection)
    const { calls } = connection
    const dropped = socket.bytesRead === 0 && performance.now() - secureAt < DROPPED_MS
    if (dropped) return ended(client, before, failed('ca_not_trusted'))
    return ended(client, before, { calls, tlsFailure: undefined, detail: undefined })
  }
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
