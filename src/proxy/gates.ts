import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
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
} from '../kernel/flow.ts'
import { headerValues } from '../kernel/headers.ts'
import { REASONS, type Reason } from '../kernel/reasons.ts'
import type { Target } from '../kernel/target.ts'
import { shownBy } from './client-certificate.ts'
import type { Parsed } from './request.ts'
import type { Session, Sessions } from './sessions.ts'

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

/** How a request ended, as far as whoever served it can tell. */
export type Outcome = Omit<
  ConnectEnded,
  'type' | 'connectId' | 'at' | 'durationMs' | 'peer' | 'method' | 'target' | 'user' | 'tokenId'
>

/** What becomes known of a request on its way; the end event is made of it. */
export interface Known {
  readonly id: string
  readonly peer: { readonly address: string; readonly port: number }
  request: ConnectRequest | undefined
  target: string | undefined
}

/**
 * Runs `serve` and tells how the request ended; what it throws is answered by
 * `refuse`. Never rejects.
 */
export async function serveToEnd(
  { clock, emit }: ProxyDeps,
  { method = '', socket }: IncomingMessage,
  serve: (known: Known) => Promise<Outcome>,
  refuse: (reason: Reason) => void,
): Promise<void> {
  const at = clock.now()
  const startedAt = clock.monotonic()
  const known: Known = {
    id: randomUUID(),
    peer: { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
    request: undefined,
    target: undefined,
  }
  let outcome: Outcome
  try {
    outcome = await serve(known)
  } catch (error) {
    outcome = socket.destroyed ? LEFT : refused(error)
    refuse(outcome.reason ?? 'internal')
  }
  emit({
    type: 'connect_ended',
    connectId: known.id,
    at,
    durationMs: clock.monotonic() - startedAt,
    peer: known.peer.address,
    method,
    target: known.target,
    user: known.request?.caller.identity.user,
    tokenId: known.request?.caller.identity.tokenId,
    ...outcome,
  })
}

/**
 * The gates in their fixed order, for CONNECT and for plain requests alike:
 * parse, authenticate, caps. Another way in must not be a way around.
 */
export async function admit<P extends { readonly target: Target }>(
  deps: ProxyDeps,
  message: IncomingMessage,
  known: Known,
  parse: (message: IncomingMessage) => Parsed<P>,
): Promise<{ readonly session: Session; readonly request: ConnectRequest; readonly parsed: P }> {
  const { socket: client, rawHeaders } = message
  const session = deps.sessions.enter(client)
  if (typeof session === 'string') throw new Refusal(session)
  const parsed = parse(message)
  if (!parsed.ok) throw new Refusal(parsed.reason)
  known.target = parsed.target.text
  const caller = await deps.authenticate(headerValues(rawHeaders, 'proxy-authorization'), {
    address: known.peer.address,
    gone: session.gone,
    certificate: shownBy(client),
  })
  const request = { id: known.id, peer: known.peer, target: parsed.target, caller }
  known.request = request
  const full = deps.sessions.admit(client, caller)
  if (full !== undefined) throw new Refusal(full)
  if (deps.isLoop(message)) throw new Refusal('self', 'the request came out of this daemon')
  return { session, request, parsed }
}

/** The verdict for this caller; what a rule under trial would refuse is only told. */
export function decideFor(
  { decide, emit }: ProxyDeps,
  { id, target, caller }: ConnectRequest,
): CallerVerdict['verdict'] & { readonly rule?: string | undefined } {
  const { verdict, rule, shadow } = decide(target, caller.identity)
  if (shadow !== undefined) {
    emit({
      type: 'shadow_refusal',
      connectId: id,
      callId: undefined,
      user: caller.identity.user,
      subject: target.text,
      ...shadow,
    })
  }
  return { ...verdict, rule }
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
const LEFT: Outcome = {
  ...EMPTY,
  outcome: 'refused',
  status: 499,
  detail: 'the client left before its answer',
}

/** The outcome of a request that ended in an exception. */
function refused(error: unknown): Outcome {
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
