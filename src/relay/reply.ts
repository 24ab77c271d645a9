import type { ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { Reply } from '../kernel/flow.ts'
import { firstHeader, headersByName, headerValues, type RawHeaders } from '../kernel/headers.ts'
import { safeTrailers } from '../kernel/trailers.ts'
import { endWith, isBehindLast } from './pipeline.ts'
import { pump } from './pump.ts'
import { discardRest } from './refusal.ts'

/**
 * Writes an answer to a client as it comes in: head at once, each chunk as it
 * arrives, under the client's own backpressure. Resolves when the answer is
 * complete or cannot be completed. A source that breaks breaks the client's
 * connection too: a cut answer never gets a valid terminator. Rejects for a
 * head that cannot be written; the source is destroyed then.
 */
export function writeReply(
  response: ServerResponse,
  reply: Extract<Reply, { kind: 'response' }>,
): Promise<void> {
  const { body } = reply
  return new Promise((resolve, reject) => {
    if (response.destroyed || isBehindLast(response)) {
      body.destroy()
      resolve()
      return
    }
    // The provider's own Date is relayed; a second one would change the answer.
    response.sendDate = false
    if (reply.untilClose === true) {
      // SECURITY: a terminator of ours would vouch for an end that nobody saw:
      // the source may have been cut (RFC 9112 8).
      response.useChunkedEncodingByDefault = false
    }
    const isLast = firstHeader(reply.headers, 'connection') === 'close'
    if (isLast || reply.untilClose === true) endWith(response)
    try {
      response.writeHead(reply.status, reply.statusText, [...reply.headers])
    } catch (error) {
      body.destroy()
      reject(error)
      return
    }
    // The first bytes of the body mostly came with the head: one write, one TLS
    // record for both. A head whose body takes its time goes out without it.
    setImmediate(() => {
      if (!response.destroyed) response.flushHeaders()
    })

    const breakOff = (): void => {
      if (!response.writableEnded) breakAnswer(response, reply)
    }
    pump(body, response)
    body.once('end', () => {
      response.addTrailers(safeTrailers(body.rawTrailers ?? []))
      response.end()
    })
    body.once('error', breakOff)
    body.once('close', () => {
      if (!body.readableEnded) breakOff()
    })
    // An answer may be over before its request is: the client must not hang in
    // an upload that nobody reads.
    response.once('finish', () => discardRest(response))
    response.once('close', () => {
      if (!body.readableEnded) body.destroy()
      resolve()
    })
    body.resume()
  })
}

/**
 * An answer that ends with its connection (HTTP/1.0) looks complete when that
 * is closed in order; over TLS the missing close_notify tells.
 */
function breakAnswer(
  response: ServerResponse,
  { headers }: Extract<Reply, { kind: 'response' }>,
): void {
  const { socket } = response
  const framed = response.chunkedEncoding || headerValues(headers, 'content-length').length > 0
  if (!framed && socket !== null && !(socket instanceof TLSSocket)) socket.resetAndDestroy()
  response.destroy()
}

/**
 * Hands early hints on (RFC 8297); other informational answers have no use.
 * Total: Node is strict about links, and a provider's bad hint is no reason to
 * lose its answer.
 */
export function inform(response: ServerResponse, status: number, headers: RawHeaders): void {
  if (status !== 103 || response.headersSent || response.req.httpVersion !== '1.1') return
  const hints = headersByName(headers)
  const { link } = hints
  if (link === undefined) return
  try {
    response.writeEarlyHints({ ...hints, link })
  } catch {
    // Dropped: it was only a hint.
  }
}

/** Aborts when the client goes away before its answer is complete. */
export function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) gone.abort()
  })
  return gone.signal
}
