import type { IncomingMessage, ServerResponse } from 'node:http'
import { Refusal } from '../../kernel/error.ts'
import { refuseResponse } from '../../relay/refusal.ts'
import { goneSignal, inform, writeReply } from '../../relay/reply.ts'
import { joinUpgraded, responseOn } from '../../relay/upgrade.ts'
import { judgeRequest, type RequestHead, toCall } from '../call.ts'
import { asRefusal, emitRefusal, type ServeDeps } from '../connection.ts'
import type { Session } from './session.ts'

/** Serves one decrypted request. Never rejects. */
export async function serveCall(
  deps: ServeDeps,
  session: Session,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  session.begin(message, response)
  try {
    const head = headOf(message)
    const fault = session.full ? 'overloaded' : judgeRequest(head, session)
    if (fault !== undefined) throw new Refusal(fault)
    const tooMany = session.shared ? deps.admit(response, session.connect.caller) : undefined
    if (tooMany !== undefined) throw new Refusal(tooMany)
    const reply = await deps.handle(
      toCall(head, session, {
        body: message,
        upgrade: false,
        inform: (status, headers) => inform(response, status, headers),
        signal: goneSignal(response),
      }),
    )
    if (reply.kind === 'response') {
      await writeReply(response, reply)
      return
    }
    reply.socket.destroy()
    throw new Refusal('provider_broken', 'switched protocols unasked')
  } catch (error) {
    refuse(deps, session, response, error)
  }
}

/** Serves a request to switch to WebSocket; its socket has no parser any more. Never rejects. */
export async function serveUpgrade(
  deps: ServeDeps,
  session: Session,
  message: IncomingMessage,
  early: Buffer,
): Promise<void> {
  const response = takeOver(deps, session, message)
  if (response === undefined) return
  const { socket } = session
  const gone = new AbortController()
  socket.once('close', () => gone.abort())
  try {
    const head = headOf(message)
    const fault = judgeRequest(head, session, true)
    if (fault !== undefined) throw new Refusal(fault)
    const rest = { body: message, upgrade: true, inform: undefined, signal: gone.signal }
    const reply = await deps.handle(toCall(head, session, rest))
    if (reply.kind === 'response') {
      await writeReply(response, reply)
      return
    }
    response.detachSocket(socket)
    await joinUpgraded(socket, early, reply, { idleMs: deps.limits.tunnelIdleTimeoutMs })
  } catch (error) {
    refuse(deps, session, response, error)
  }
}

/** Refuses a CONNECT inside the connection that a CONNECT made. */
export function refuseConnect(deps: ServeDeps, session: Session, message: IncomingMessage): void {
  const response = takeOver(deps, session, message)
  if (response !== undefined) refuse(deps, session, response, new Refusal('method_not_allowed'))
}

/**
 * The last answer on a connection whose parser is gone. SECURITY: with answers
 * outstanding it would end up in the middle of one of them, and Node throws for
 * a second response on the same socket; there the connection ends.
 */
function takeOver(
  deps: ServeDeps,
  session: Session,
  message: IncomingMessage,
): ServerResponse | undefined {
  const { socket } = session
  socket.on('error', () => {})
  if (session.answering) {
    emitRefusal(
      deps.emit,
      session,
      new Refusal('request_malformed', 'a switch amid other requests'),
    )
    socket.destroy()
    return undefined
  }
  const response = responseOn(message)
  session.begin(message, response)
  return response
}

function refuse(deps: ServeDeps, session: Session, response: ServerResponse, error: unknown): void {
  const refusal = asRefusal(error)
  emitRefusal(deps.emit, session, refusal)
  refuseResponse(response, refusal.reason)
}

function headOf({ httpVersion, method, url, rawHeaders }: IncomingMessage): RequestHead {
  return {
    version: httpVersion,
    method: method ?? 'GET',
    path: url ?? '/',
    headers: rawHeaders,
  }
}
