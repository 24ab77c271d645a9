import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { Refusal } from '../kernel/error.ts'
import type { Body, Reply } from '../kernel/flow.ts'
import { isAmbiguous } from '../kernel/framing.ts'
import { filterHeaders, type RawHeaders, stripHopByHop } from '../kernel/headers.ts'
import type { Reason } from '../kernel/reasons.ts'
import { safeTrailers } from '../kernel/trailers.ts'
import type { OutgoingRequest } from './request.ts'

/** One request to an origin, with everything that bounds it. */
export interface Exchange {
  readonly method: string
  /** Path and query, byte for byte. */
  readonly path: string
  /** Complete, framing included; nothing is added but `Connection`. */
  readonly headers: RawHeaders
  readonly body: Body | undefined
  readonly upgrade: boolean
  readonly inform: ((status: number, headers: RawHeaders) => void) | undefined
  /** Hears that all of it, to the last byte, has been handed to the connection. */
  readonly onSent?: (() => void) | undefined
  readonly signal: AbortSignal
  readonly firstByteTimeoutMs: number
  readonly idleTimeoutMs: number
  /** How this leg names a silent and a broken origin. */
  readonly faults: { readonly timeout: Reason; readonly broken: Reason }
}

/** More than any server has use for; each one keeps the connection from timing out. */
export const MAX_INFORMATIONAL = 32

const MAX_FIELDS = 1000

/** How the head gets out: over an agent, or through an upstream proxy. */
export type Send = (request: OutgoingRequest) => ClientRequest

/**
 * Sends a request and resolves with the head of the answer; its body is still
 * to come. Rejects with a `Refusal`: whatever the connection was refused for,
 * or one of `faults`. Never repeats a request: once a byte is out, the origin
 * may have acted on it.
 */
export function exchange(send: Send, order: Exchange): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { method, path, headers, signal } = order
    const request = send({ method, path, headers, signal })
    // Node would cut the list, and that of trailers, in silence; the count is judged instead.
    request.maxHeadersCount = 0
    request.setTimeout(order.firstByteTimeoutMs, () => {
      request.destroy(new Refusal(order.faults.timeout, 'no answer within the first-byte limit'))
    })
    request.on('error', error => {
      const refusal =
        error instanceof Refusal
          ? error
          : new Refusal(order.faults.broken, undefined, { cause: error })
      reject(refusal)
    })
    request.once('finish', () => order.onSent?.())
    let informed = 0
    request.on('information', info => {
      informed += 1
      if (informed > MAX_INFORMATIONAL) request.destroy(new Error('too many informational answers'))
      else if (info.statusCode !== 100)
        order.inform?.(info.statusCode, contentless(info.rawHeaders))
    })
    request.once('response', response => {
      limitIdle(response, order)
      const fault = answerFault(response)
      if (fault === undefined) resolve(responseReply(response, method))
      else request.destroy(new Error(fault))
      // SECURITY: after an upgrade that was declined nobody knows what the origin
      // takes the next bytes for: such a connection is not kept.
      if (order.upgrade) request.shouldKeepAlive = false
      // The origin has said all it will: what it left of the request is of no
      // use, and its connection neither.
      response.once('end', () => {
        if (!request.writableFinished) request.destroy()
      })
    })
    request.once('upgrade', (response, socket, head) => {
      const reply = upgradedReply(response, socket, head)
      // Whoever reads on takes it for the protocol that was asked for.
      const isAsked = order.upgrade && response.headers.upgrade?.toLowerCase() === 'websocket'
      if (isAsked) {
        socket.setTimeout(0)
        resolve(reply)
        return
      }
      socket.destroy()
      reject(new Refusal(order.faults.broken, 'the origin switched protocols unasked'))
    })
    if (order.upgrade) request.flushHeaders()
    if (order.body === undefined) request.end()
    else sendBody(order.body, request)
  })
}

function sendBody(body: Body, request: ClientRequest): void {
  body.once('end', () => {
    request.addTrailers(safeTrailers(body.rawTrailers ?? []))
    request.end()
  })
  body.pipe(request, { end: false })
}

function limitIdle(response: IncomingMessage, order: Exchange): void {
  response.setTimeout(order.idleTimeoutMs, () => {
    response.destroy(new Refusal(order.faults.timeout, 'no byte within the idle limit'))
  })
  // The consumer attaches its own listener later; until then an early break
  // must not end the process.
  response.on('error', () => {})
}

/**
 * Why an answer cannot be relayed, although Node's parser takes it: it would be
 * framed otherwise by the next reader, or is no final answer (RFC 9112 6.1, 6.3).
 */
function answerFault(response: IncomingMessage): string | undefined {
  const status = response.statusCode ?? 0
  if (response.rawHeaders.length > MAX_FIELDS * 2) return 'too many header fields'
  if (status < 200) return `status ${status} is no final answer`
  if (isAmbiguous(response.httpVersion, response.rawHeaders)) return 'ambiguous transfer encoding'
  return undefined
}

/** A reason phrase may hold bytes that must not stand in a message we write. */
function printable(text = ''): string {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text) ? text : ''
}

/** RFC 9112 6.3, rule 8: neither length nor chunks, and a body all the same. */
function endsWithConnection({ statusCode, headers }: IncomingMessage, method: string): boolean {
  const hasBody = method !== 'HEAD' && statusCode !== 204 && statusCode !== 304
  const framed =
    headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
  return hasBody && !framed
}

/** RFC 9110 8.6, 15.3.6: without content there is no length, which could make a reader wait for some. */
function contentless(headers: RawHeaders): string[] {
  return filterHeaders(stripHopByHop(headers), name => name !== 'content-length')
}

function responseReply(response: IncomingMessage, method: string): Reply {
  const { statusCode: status = 502, rawHeaders } = response
  return {
    kind: 'response',
    status,
    statusText: printable(response.statusMessage),
    headers: status === 204 || status === 205 ? contentless(rawHeaders) : stripHopByHop(rawHeaders),
    body: response,
    untilClose: endsWithConnection(response, method),
  }
}

function upgradedReply(response: IncomingMessage, socket: Duplex, head: Buffer): Reply {
  socket.on('error', () => {})
  return {
    kind: 'upgraded',
    status: 101,
    statusText: printable(response.statusMessage),
    headers: contentless(response.rawHeaders),
    socket,
    head,
  }
}
