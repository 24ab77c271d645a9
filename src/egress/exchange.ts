import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import { Refusal } from '../kernel/error.ts'
import type { Reply } from '../kernel/flow.ts'
import { type RawHeaders, stripHopByHop } from '../kernel/headers.ts'
import type { Reason } from '../kernel/reasons.ts'
import type { OutgoingRequest } from './request.ts'

/** One request to an origin, with everything that bounds it. */
export interface Exchange {
  readonly method: string
  /** Path and query, byte for byte. */
  readonly path: string
  /** Complete, framing included; nothing is added but `Connection`. */
  readonly headers: RawHeaders
  readonly body: (Readable & { readonly rawTrailers?: RawHeaders }) | undefined
  readonly upgrade: boolean
  readonly inform: ((status: number, headers: RawHeaders) => void) | undefined
  readonly signal: AbortSignal
  readonly firstByteTimeoutMs: number
  readonly idleTimeoutMs: number
  /** How this leg names a silent and a broken origin. */
  readonly faults: { readonly timeout: Reason; readonly broken: Reason }
}

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
    request.on('information', info => {
      if (info.statusCode !== 100) order.inform?.(info.statusCode, info.rawHeaders)
    })
    request.once('response', response => {
      limitIdle(response, order)
      resolve(responseReply(response))
    })
    request.once('upgrade', (response, socket, head) => {
      socket.setTimeout(0)
      resolve(upgradedReply(response, socket, head))
    })
    if (order.upgrade) request.flushHeaders()
    if (order.body === undefined) request.end()
    else sendBody(order.body, request)
  })
}

function sendBody(
  body: Readable & { readonly rawTrailers?: RawHeaders },
  request: ClientRequest,
): void {
  body.once('end', () => {
    const trailers = body.rawTrailers ?? []
    if (trailers.length > 0) request.addTrailers(headerList(trailers))
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

function responseReply(response: IncomingMessage): Reply {
  return {
    kind: 'response',
    status: response.statusCode ?? 502,
    statusText: response.statusMessage ?? '',
    headers: stripHopByHop(response.rawHeaders),
    body: response,
  }
}

function upgradedReply(response: IncomingMessage, socket: Duplex, head: Buffer): Reply {
  socket.on('error', () => {})
  return {
    kind: 'upgraded',
    status: 101,
    statusText: response.statusMessage ?? 'Switching Protocols',
    headers: stripHopByHop(response.rawHeaders),
    socket,
    head,
  }
}

function headerList(raw: RawHeaders): [string, string][] {
  const list: [string, string][] = []
  for (let i = 0; i + 1 < raw.length; i += 2) list.push([raw[i] ?? '', raw[i + 1] ?? ''])
  return list
}
