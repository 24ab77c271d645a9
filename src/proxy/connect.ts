import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Refusal } from '../kernel/error.ts'
import type { ConnectRequest, Verdict } from '../kernel/flow.ts'
import { headerValues } from '../kernel/headers.ts'
import { isAnswering } from '../relay/pipeline.ts'
import { refuseSocket } from '../relay/refusal.ts'
import {
  admit,
  decideFor,
  EMPTY,
  type Known,
  type Outcome,
  type ProxyDeps,
  serveToEnd,
} from './gates.ts'
import { parseConnect } from './request.ts'
import type { Session } from './sessions.ts'
import { type TunnelEnd, tunnel } from './tunnel.ts'

/** Serves one CONNECT from the first look to the last byte. Never rejects. */
export async function serveConnect(
  deps: ProxyDeps,
  message: IncomingMessage,
  client: Socket,
  head: Buffer,
): Promise<void> {
  // Before anything else: an error event without a listener ends the process.
  client.on('error', () => {})
  await serveToEnd(
    deps,
    message,
    known => admitAndServe(deps, message, client, { head, known }),
    reason => refuseSocket(client, reason),
  )
}

async function admitAndServe(
  deps: ProxyDeps,
  message: IncomingMessage,
  client: Socket,
  { head, known }: { readonly head: Buffer; readonly known: Known },
): Promise<Outcome> {
  if (isAnswering(client)) {
    throw new Refusal('request_malformed', 'CONNECT amid unanswered requests')
  }
  const { request, session } = await admit(deps, message, known, parseConnect)
  // Bytes that came in one packet with the CONNECT belong to what follows.
  if (head.length > 0) client.unshift(head)
  const verdict = decideFor(deps, request)
  switch (verdict.kind) {
    case 'refuse':
      throw new Refusal(verdict.reason, verdict.rule)
    case 'tunnel':
      return await serveTunnel(deps, request, client, {
        session,
        via: headerValues(message.rawHeaders, 'via'),
      })
    case 'intercept':
      return await serveIntercept(deps, request, client, verdict)
  }
}

async function serveTunnel(
  deps: ProxyDeps,
  request: ConnectRequest,
  client: Socket,
  { session, via }: { session: Session; via: readonly string[] },
): Promise<Outcome> {
  const { target, caller } = request
  const full = deps.sessions.beginTunnel(client, caller)
  if (full !== undefined) throw new Refusal(full)
  const opened = await deps.open({ target, caller: caller.identity.tokenId, via }, session.gone)
  deps.emit({ type: 'connect_started', connectId: request.id, kind: 'tunneled' })
  const end = await tunnel(client, opened, { idleMs: deps.tunnelIdleMs(), signal: session.stop })
  return {
    ...EMPTY,
    outcome: 'tunneled',
    status: 200,
    route: opened.route,
    address: opened.address,
    bytesUp: end.bytesUp,
    bytesDown: end.bytesDown,
    detail: endText(end.end, session.stop),
  }
}

function endText(end: TunnelEnd['end'], stop: AbortSignal): string | undefined {
  if (end === 'closed') return undefined
  return end === 'stopped' ? `tunnel stopped: ${String(stop.reason)}` : `tunnel ${end}`
}

async function serveIntercept(
  deps: ProxyDeps,
  request: ConnectRequest,
  client: Socket,
  verdict: Extract<Verdict, { kind: 'intercept' }>,
): Promise<Outcome> {
  deps.emit({ type: 'connect_started', connectId: request.id, kind: 'mitm' })
  const end = await deps.intercept(client, request, verdict)
  return { ...EMPTY, ...end, outcome: 'mitm', status: 200, provider: verdict.provider }
}
