import type { IncomingMessage, ServerResponse } from 'node:http'
import { asRefusal, Refusal } from '../../kernel/error.ts'
import type { RequestHead } from '../../kernel/request-head.ts'
import { refuseResponse } from '../../relay/refusal.ts'
import { goneSignal, inform, writeReply } from '../../relay/reply.ts'
import { joinUpgraded, responseOn } from '../../relay/upgrade.ts'
import { judgeRequest, toCall } from '../call.ts'
import { emitRefusal, type ServeDeps } from '../connection.ts'
import type { Session } from './session.ts'

/** Serves one decrypted request. Never rejects. */
export async function serveCall(
  deps: ServeDeps,
  session: Session,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    session.begin(message, response)
    const head = headOf(message)
    const fault = judgeRequest(head, session)
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
    session.begin(message, response)
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

/** The last answer on a connection whose parser is gone; none where others are outstanding. */
function takeOver(
  deps: ServeDeps,
  session: Session,
  message: IncomingMessage,
): ServerResponse | undefined {
  session.socket.on('error', () => {})
  const response = responseOn(message)
  if (response === undefined) {
    const refusal = new Refusal('request_malformed', 'a switch amid other requests')
    emitRefusal(deps.emit, session, refusal)
  }
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
