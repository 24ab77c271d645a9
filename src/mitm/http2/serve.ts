import type { ServerHttp2Stream } from 'node:http2'
import { asRefusal, Refusal } from '../../kernel/error.ts'
import type { FloodBudget } from '../../kernel/flood-budget.ts'
import { firstHeader, type RawHeaders } from '../../kernel/headers.ts'
import type { RequestHead } from '../../kernel/request-head.ts'
import { type Interception, judgeRequest, toCall } from '../call.ts'
import { emitRefusal, type ServeDeps } from '../connection.ts'
import { readHead } from './head.ts'
import { inform, refuseStream, writeReply } from './reply.ts'
import { RequestBody, STREAM_WINDOW } from './request-body.ts'

/** The connection that a stream belongs to. */
interface Carrier {
  readonly interception: Interception
  readonly flood: FloodBudget
  drain(): void
}

interface Request {
  readonly stream: ServerHttp2Stream
  readonly raw: RawHeaders
  /** More than a head comes. */
  readonly hasBody: boolean
  /** Others are open on the same connection. */
  readonly isShared: boolean
}

/** Serves one stream. Never rejects. */
export async function serveStream(
  deps: ServeDeps,
  connection: Carrier,
  request: Request,
): Promise<void> {
  const { stream, isShared } = request
  const { interception, flood } = connection
  const body = new RequestBody(stream, bytes => flood.earn(bytes))
  try {
    const head = acceptable(deps, connection, request)
    const tooMany = isShared ? deps.admit(stream, interception.connect.caller) : undefined
    if (tooMany !== undefined) throw new Refusal(tooMany)
    // HTTP/1.1's server does so by itself.
    const isWaiting = firstHeader(head.headers, 'expect')?.toLowerCase() === '100-continue'
    if (isWaiting && !stream.closed && !stream.destroyed)
      stream.additionalHeaders({ ':status': 100 })
    const reply = await deps.handle(
      toCall(head, interception, {
        body,
        upgrade: false,
        inform: (status, headers) => inform(stream, status, headers),
        signal: goneSignal(stream),
      }),
    )
    if (reply.kind === 'response') {
      // The bridge has said its last word on this connection.
      if (firstHeader(reply.headers, 'connection') === 'close') connection.drain()
      await writeReply(stream, reply, {
        onSent: bytes => flood.earn(bytes / WINDOW_UPDATE_SHARE),
        // It goes on with its upload until it hears of that.
        onReset: () => flood.earn(stream.readableEnded ? 0 : STREAM_WINDOW),
      })
      return
    }
    reply.socket.destroy()
    throw new Refusal('provider_broken', 'switched protocols unasked')
  } catch (error) {
    const refusal = asRefusal(error)
    emitRefusal(deps.emit, interception, refusal)
    refuseStream(stream, refusal.reason)
  }
}

/** A client answers 16 KiB with two window updates of 13 bytes, small pieces with as many. */
const WINDOW_UPDATE_SHARE = 64

function acceptable(
  { limits }: ServeDeps,
  { interception }: Carrier,
  { raw, hasBody }: Request,
): RequestHead {
  const head = readHead(raw, hasBody, limits)
  const fault = typeof head === 'string' ? head : judgeRequest(head, interception)
  if (typeof head === 'string' || fault !== undefined) throw new Refusal(fault ?? 'internal')
  return head
}

/** Aborts when the client gives the stream up before its answer is complete. */
function goneSignal(stream: ServerHttp2Stream): AbortSignal {
  const gone = new AbortController()
  const abort = (): void => {
    // Node ends its side of a HEAD before there is an answer.
    if (!stream.writableFinished || !stream.headersSent) gone.abort()
  }
  stream.once('aborted', abort)
  stream.once('close', abort)
  if (stream.aborted || stream.destroyed) abort()
  return gone.signal
}
