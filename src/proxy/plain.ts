import type { IncomingMessage, ServerResponse } from 'node:http'
import { Refusal } from '../kernel/error.ts'
import type { Body, Reply } from '../kernel/flow.ts'
import { framingAnew, hasBody } from '../kernel/framing.ts'
import { filterHeaders, type RawHeaders, stripHopByHop } from '../kernel/headers.ts'
import { hostHeader, type Target } from '../kernel/target.ts'
import { enqueue, refuseIfBehindLast } from '../relay/pipeline.ts'
import { refuseResponse } from '../relay/refusal.ts'
import { writeReply } from '../relay/reply.ts'
import {
  admit,
  decideFor,
  EMPTY,
  type Known,
  type Outcome,
  type ProxyDeps,
  serveToEnd,
} from './gates.ts'
import { parseAbsolute } from './request.ts'

/** A plain request on its way to its origin. */
export interface PlainRequest {
  readonly target: Target
  /** The token's id. */
  readonly caller: string
  readonly method: string
  readonly path: string
  readonly headers: RawHeaders
  readonly body: Body | undefined
  readonly signal: AbortSignal
}

type PlainReply = Reply & { readonly route: 'direct' | 'upstream' }

export interface PlainDeps extends ProxyDeps {
  /** Rejects with a `Refusal` when the target may not or cannot be reached. */
  readonly sendPlain: (request: PlainRequest) => Promise<PlainReply>
}

/**
 * Serves one absolute-form `http://` request under the same gates as CONNECT:
 * another way in must not be a way around. Never rejects.
 */
export async function servePlain(
  deps: PlainDeps,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.on('error', () => {})
  await serveToEnd(
    deps,
    request,
    known => admitAndForward(deps, request, response, known),
    reason => refuseResponse(response, reason),
  )
}

async function admitAndForward(
  deps: PlainDeps,
  message: IncomingMessage,
  response: ServerResponse,
  known: Known,
): Promise<Outcome> {
  enqueue(response)
  const { request, session, parsed } = await admit(deps, message, known, parseAbsolute)
  const { target, path } = parsed
  refuseIfBehindLast(response)
  const verdict = decideFor(deps, request)
  if (verdict.kind === 'refuse') throw new Refusal(verdict.reason, verdict.rule)
  if (verdict.kind === 'intercept') throw new Refusal('plain_http_denied')

  const gone = new AbortController()
  response.once('close', () => gone.abort('the answer is over'))
  let bytesUp = 0
  // Paused first: a listener alone must not start the flow.
  message.pause()
  message.on('data', (chunk: Buffer) => {
    bytesUp += chunk.length
  })
  const reply = await deps.sendPlain({
    target,
    caller: request.caller.identity.tokenId,
    method: message.method ?? 'GET',
    path,
    headers: plainHeaders(message, target),
    body: hasBody(message.rawHeaders) ? message : undefined,
    signal: AbortSignal.any([session.gone, gone.signal]),
  })
  return await relay(reply, response, () => bytesUp)
}

async function relay(
  reply: PlainReply,
  response: ServerResponse,
  bytesUp: () => number,
): Promise<Outcome> {
  if (reply.kind === 'upgraded') {
    reply.socket.destroy()
    throw new Refusal('connect_failed', 'the origin switched protocols unasked')
  }
  let bytesDown = 0
  reply.body.pause()
  reply.body.on('data', (chunk: Buffer) => {
    bytesDown += chunk.length
  })
  await writeReply(response, reply)
  return {
    ...EMPTY,
    outcome: 'forwarded',
    route: reply.route,
    status: reply.status,
    bytesUp: bytesUp(),
    bytesDown,
  }
}

/** The client's headers less what was for us; Host follows the target (RFC 9112 3.2.2). */
function plainHeaders(message: IncomingMessage, target: Target): string[] {
  return [
    'Host',
    hostHeader({ protocol: 'http', target }),
    ...filterHeaders(
      stripHopByHop(message.rawHeaders),
      name => name !== 'host' && name !== 'expect',
    ),
    ...framingAnew(message.method ?? 'GET', message.rawHeaders),
  ]
}
