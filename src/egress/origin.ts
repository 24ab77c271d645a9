import type { Reply } from '../kernel/flow.ts'
import type { Origin } from '../kernel/target.ts'
import { createOriginAgent, endIdle } from './agents.ts'
import { type Exchange, exchange } from './exchange.ts'
import { exchangeHttp2, isGrpc } from './http2/exchange.ts'
import { OriginSessions } from './http2/sessions.ts'
import { createOriginDial, type OriginDialDeps } from './origin-dial.ts'
import { sendRequest } from './request.ts'

/** The connections to one origin. */
export interface OriginLeg extends Disposable {
  /** Sends over HTTP/1.1, or over HTTP/2 what exists in nothing else. As `exchange`. */
  send(order: Exchange): Promise<Reply>
  /** Closes what is idle; running calls go on to their end. */
  retire(): void
}

/** Dials when there is something to send; `roots` (PEM) verify the origin. */
export function openOrigin(
  origin: Origin,
  roots: readonly string[],
  deps: OriginDialDeps,
): OriginLeg {
  const agent = createOriginAgent(createOriginDial(origin, roots, deps))
  const sessions = new OriginSessions(createOriginDial(origin, roots, deps, { protocol: 'h2' }))
  return {
    send: order =>
      isGrpc(order.headers)
        ? exchangeHttp2(sessions, origin.protocol, order)
        : exchange(outgoing => sendRequest(agent, outgoing), order),
    retire() {
      endIdle(agent)
      sessions.retire()
    },
    [Symbol.dispose]() {
      agent.destroy()
      sessions[Symbol.dispose]()
    },
  }
}
