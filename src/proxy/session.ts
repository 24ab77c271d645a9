import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../kernel/clock.ts'
import { asRefusal, detailOf, Refusal } from '../kernel/error.ts'
import type { ConnectEnded } from '../kernel/event.ts'
import type {
  Authenticate,
  CallerVerdict,
  ConnectRequest,
  Decide,
  Emit,
  Intercept,
  Open,
  Verdict,
} from '../kernel/flow.ts'
import { headerValues } from '../kernel/headers.ts'
import { REASONS } from '../kernel/reasons.ts'
import { isAnswering } from '../relay/pipeline.ts'
import { refuseSocket } from '../relay/refusal.ts'
import { shownBy } from './client-certificate.ts'
import { parseConnect } from './request.ts'
import type { Session, Sessions } from './sessions.ts'
import { type TunnelEnd, tunnel } from './tunnel.ts'

export interface ProxyDeps {
  readonly authenticate: Authenticate
  /** The verdict by the configuration of this moment. */
  readonly decide: Decide
  readonly open: Open
  readonly intercept: Intercept
  readonly emit: Emit
  readonly clock: Clock
  readonly sessions: Sessions
  readonly tunnelIdleMs: () => number
  /** Whether a request came out of this very daemon, through an upstream proxy. */
  readonly isLoop: (request: IncomingMessage) => boolean
}

export type Outcome = Omit<
  ConnectEnded,
  'type' | 'connectId' | 'at' | 'durationMs' | 'peer' | 'method' | 'target' | 'user' | 'tokenId'
>

/** What becomes known of a session on its way; the end event is made of it. */
export interface Known {
  readonly id: string
  readonly at: number
  readonly startedAt: number
  readonly peer: { readonly address: string; readonly port: number }
  readonly method: string
  request: ConnectRequest | undefined
  target: string | undefined
}

/** Serves one CONNECT from the first look to the last byte. Never rejects. */
export async function serveConnect(
  deps: ProxyDeps,
  request: IncomingMessage,
  client: Socket,
  head: Buffer,
): Promise<void> {
  // Before anything else: an error event without a listener ends the process.
  client.on('error', () => {})
  const known = begin(deps, request, client)
  let outcome: Outcome
  try {
    outcome = await admitAndServe(deps, request, client, { head, known })
  } catch (error) {
    outcome = client.destroyed ? LEFT : refused(error)
    refuseSocket(client, outcome.reason ?? 'internal')
  }
  finish(deps, known, outcome)
}

async function admitAndServe(
  deps: ProxyDeps,
  message: IncomingMessage,
  client: Socket,
  { head, known }: { head: Buffer; known: Known },
): Promise<Outcome> {
  if (isAnswering(client)) {
    throw new Refusal('request_malformed', 'CONNECT amid unanswered requests')
  }
  const session = deps.sessions.enter(client)
  if (typeof session === 'string') throw new Refusal(session)
  const request = await admit(deps, message, client, { known, gone: session.gone })
  // Bytes that came in one packet with the CONNECT belong to what follows.
  if (head.length > 0) client.unshift(head)
  const verdict = decideFor(deps, known, request)
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

/** The verdict for this caller; what a rule under trial would refuse is only told. */
export function decideFor(
  deps: Pick<ProxyDeps, 'decide' | 'emit'>,
  known: Known,
  { target, caller }: Pick<ConnectRequest, 'target' | 'caller'>,
): CallerVerdict['verdict'] & { readonly rule?: string | undefined } {
  const { verdict, rule, shadow } = deps.decide(target, caller.identity)
  if (shadow !== undefined) {
    deps.emit({
      type: 'shadow_refusal',
      connectId: known.id,
      callId: undefined,
      user: caller.identity.user,
      subject: target.text,
      ...shadow,
    })
  }
  return { ...verdict, rule }
}

/** The gates in their fixed order: parse, authenticate, caps. */
async function admit(
  deps: ProxyDeps,
  message: IncomingMessage,
  client: Socket,
  { known, gone }: { known: Known; gone: AbortSignal },
): Promise<ConnectRequest> {
  const parsed = parseConnect(message)
  if (!parsed.ok) throw new Refusal(parsed.reason)
  known.target = parsed.target.text
  const caller = await deps.authenticate(headerValues(message.rawHeaders, 'proxy-authorization'), {
    address: known.peer.address,
    gone,
    certificate: shownBy(client),
  })
  known.request = { id: known.id, peer: known.peer, target: parsed.target, caller }
  const full = deps.sessions.admit(client, caller)
  if (full !== undefined) throw new Refusal(full)
  if (deps.isLoop(message)) throw new Refusal('self', 'the request came out of this daemon')
  return known.request
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
  const end = await deps.intercept(client, request, verdict, deps.sessions.draining)
  return { ...EMPTY, ...end, outcome: 'mitm', status: 200, provider: verdict.provider }
}

export const EMPTY: Outcome = {
  outcome: 'failed',
  reason: undefined,
  status: 500,
  provider: undefined,
  route: undefined,
  address: undefined,
  bytesUp: 0,
  bytesDown: 0,
  calls: undefined,
  tlsFailure: undefined,
  detail: undefined,
}

/** The client went away before there was anything to answer; 499 as nginx has it. */
export const LEFT: Outcome = {
  ...EMPTY,
  outcome: 'refused',
  status: 499,
  detail: 'the client left before its answer',
}

/** The outcome of a session that ended in an exception. */
export function refused(error: unknown): Outcome {
  const refusal = asRefusal(error)
  const { status } = REASONS[refusal.reason]
  return {
    ...EMPTY,
    outcome: status >= 500 ? 'failed' : 'refused',
    reason: refusal.reason,
    status,
    detail: detailOf(refusal),
  }
}

export function begin(deps: ProxyDeps, request: IncomingMessage, client: Socket): Known {
  return {
    id: randomUUID(),
    at: deps.clock.now(),
    startedAt: deps.clock.monotonic(),
    peer: { address: client.remoteAddress ?? '', port: client.remotePort ?? 0 },
    method: request.method ?? '',
    request: undefined,
    target: undefined,
  }
}

export function finish(deps: ProxyDeps, known: Known, outcome: Outcome): void {
  deps.emit({
    type: 'connect_ended',
    connectId: known.id,
    at: known.at,
    durationMs: deps.clock.monotonic() - known.startedAt,
    peer: known.peer.address,
    method: known.method,
    target: known.target,
    user: known.request?.caller.identity.user,
    tokenId: known.request?.caller.identity.tokenId,
    ...outcome,
  })
}
