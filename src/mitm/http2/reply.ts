import { constants, type ServerHttp2Stream } from 'node:http2'
import { Refusal } from '../../kernel/error.ts'
import type { Reply } from '../../kernel/flow.ts'
import {
  headersByName,
  headerValues,
  type RawHeaders,
  stripHopByHop,
} from '../../kernel/headers.ts'
import { REASONS, type Reason } from '../../kernel/reasons.ts'
import { safeTrailers } from '../../kernel/trailers.ts'
import { pump } from '../../relay/pump.ts'
import { refusalParts } from '../../relay/refusal.ts'

/** The provider's own Date is relayed; a second one would change the answer. */
const PLAIN = { sendDate: false, endStream: false }

interface Sending {
  readonly onSent: (bytes: number) => void
  readonly onReset: () => void
}

/**
 * Writes an answer to a stream as it comes in, under that stream's own
 * backpressure; `onSent` hears of every piece. Resolves when the answer is
 * complete or cannot be completed. A source that breaks resets the stream, which
 * `onReset` hears of: a cut answer never gets a valid end. One that ends with its
 * connection counts as whole then, since HTTP/2 has no word for "perhaps".
 * Rejects for a head that cannot be written; the source is destroyed then.
 */
export function writeReply(
  stream: ServerHttp2Stream,
  { status, headers, body, isHeadOnly = false }: Extract<Reply, { kind: 'response' }>,
  { onSent, onReset }: Sending,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (stream.destroyed || stream.closed) {
      body.destroy()
      resolve()
      return
    }
    const hasLength = headerValues(headers, 'content-length').length > 0
    try {
      stream.respond([':status', String(status), ...stripHopByHop(headers)], {
        ...PLAIN,
        // Only a body without a length can have any (RFC 9112 7.1.2).
        waitForTrailers: !hasLength && !isHeadOnly,
        endStream: isHeadOnly,
      })
    } catch (error) {
      body.destroy()
      reject(new Refusal('provider_broken', 'a head that HTTP/2 cannot hold', { cause: error }))
      return
    }
    stream.once('wantTrailers', () => sendTrailers(stream, body.rawTrailers ?? []))
    pump(body, stream, onSent)
    body.once('end', () => stream.end())
    body.on('error', () => {})
    body.once('close', () => {
      if (body.readableEnded || stream.writableEnded) return
      if (!stream.closed) onReset()
      // What is under way is sent first.
      stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    })
    stream.once('close', () => {
      if (!body.readableEnded) body.destroy()
      resolve()
    })
    body.resume()
  })
}

/** Total: Node throws for fields that HTTP/2 cannot hold. */
function sendTrailers(stream: ServerHttp2Stream, raw: RawHeaders): void {
  try {
    stream.sendTrailers(headersByName(safeTrailers(raw).flat()))
  } catch {
    stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }
}

/** Hands early hints on (RFC 8297). Total: a bad hint is no reason to lose an answer. */
export function inform(stream: ServerHttp2Stream, status: number, headers: RawHeaders): void {
  if (status !== 103 || stream.headersSent || stream.destroyed) return
  try {
    stream.additionalHeaders({ ...headersByName(stripHopByHop(headers)), ':status': status })
  } catch {
    // Dropped: it was only a hint.
  }
}

/** Answers with a refusal of ours, or resets a stream whose answer has begun. */
export function refuseStream(stream: ServerHttp2Stream, reason: Reason): void {
  if (stream.destroyed || stream.closed) return
  if (stream.headersSent) {
    stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    return
  }
  const { headers, body } = refusalParts(reason)
  stream.respond([':status', String(REASONS[reason].status), ...headers], PLAIN)
  stream.end(body)
}
