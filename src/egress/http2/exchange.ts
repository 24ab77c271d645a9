import { type ClientHttp2Stream, constants } from 'node:http2'
import { Refusal } from '../../kernel/error.ts'
import type { Body, Reply } from '../../kernel/flow.ts'
import { filterHeaders, firstHeader, type RawHeaders, stripHopByHop } from '../../kernel/headers.ts'
import { safeTrailers } from '../../kernel/trailers.ts'
import { type Exchange, MAX_INFORMATIONAL } from '../exchange.ts'
import { AnswerBody } from './answer-body.ts'
import type { OriginSessions } from './sessions.ts'

/** gRPC, but not gRPC-Web, which speaks HTTP/1.1 as well. */
const GRPC = /^application\/grpc(?:[+;]|$)/i

/** Whether a message exists in HTTP/2 only (https://grpc.io: PROTOCOL-HTTP2). */
export function isGrpc(headers: RawHeaders): boolean {
  return GRPC.test(firstHeader(headers, 'content-type')?.trim() ?? '')
}

/**
 * The sibling of `exchange` over HTTP/2: sends a request and resolves with the
 * head of the answer. Rejects with a `Refusal`, and never repeats a request.
 */
export async function exchangeHttp2(
  sessions: OriginSessions,
  scheme: 'http' | 'https',
  order: Exchange,
): Promise<Reply> {
  const { session, ended, giveBack } = await sessions.take(order.signal)
  let stream: ClientHttp2Stream
  try {
    stream = session.request(requestHead(scheme, order), {
      endStream: order.body === undefined,
      waitForTrailers: order.body !== undefined,
    })
  } catch (error) {
    giveBack(false)
    throw new Refusal(order.faults.broken, undefined, { cause: error })
  }
  stream.once('close', () => giveBack(stream.rstCode === constants.NGHTTP2_NO_ERROR))
  const abort = (): void => stream.close(constants.NGHTTP2_CANCEL)
  order.signal.addEventListener('abort', abort)
  const cut = (): void => {
    if (stream.state.remoteClose !== 1) abort()
  }
  ended.addEventListener('abort', cut)
  stream.once('close', () => {
    order.signal.removeEventListener('abort', abort)
    ended.removeEventListener('abort', cut)
  })
  if (order.signal.aborted) abort()
  stream.once('finish', () => order.onSent?.())
  if (order.body !== undefined) sendBody(order.body, stream)
  return await answerOf(stream, order)
}

function requestHead(scheme: string, { method, path, headers }: Exchange): string[] {
  const kept = filterHeaders(stripHopByHop(headers), name => name !== 'host')
  const authority = firstHeader(headers, 'host') ?? ''
  const pseudo = [':method', method, ':scheme', scheme, ':authority', authority, ':path', path]
  return [...pseudo, ...kept, 'te', 'trailers']
}

function sendBody(body: Body, stream: ClientHttp2Stream): void {
  stream.once('wantTrailers', () => {
    try {
      stream.sendTrailers(Object.fromEntries(safeTrailers(body.rawTrailers ?? [])))
    } catch {
      // Node throws for fields that HTTP/2 cannot hold.
      stream.close(constants.NGHTTP2_CANCEL)
    }
  })
  body.once('end', () => stream.end())
  body.pipe(stream, { end: false })
}

function answerOf(stream: ClientHttp2Stream, order: Exchange): Promise<Reply> {
  const { faults } = order
  return new Promise((resolve, reject) => {
    const broken = (cause?: Error): void => reject(new Refusal(faults.broken, undefined, { cause }))
    const limit = (ms: number, text: string): void => {
      stream.setTimeout(ms, () => {
        const refusal = new Refusal(faults.timeout, text)
        reject(refusal)
        stream.destroy(refusal)
      })
    }
    limit(order.firstByteTimeoutMs, 'no answer within the first-byte limit')
    stream.on('error', broken)
    stream.once('close', () => broken(new Error(`reset with code ${stream.rstCode}`)))
    let informed = 0
    stream.on('headers', (head: Record<string, unknown>, _flags: number, raw: RawHeaders = []) => {
      const status = Number(head[':status'])
      informed += 1
      if (informed > MAX_INFORMATIONAL) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
      else if (status > 100) order.inform?.(status, withoutPseudo(raw))
    })
    stream.once('response', (head, flags, raw: RawHeaders = []) => {
      limit(order.idleTimeoutMs, 'no byte within the idle limit')
      const headers = withoutPseudo(raw)
      const isHeadOnly = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
      const body = new AnswerBody(stream, isGrpc(headers) && !isHeadOnly)
      body.on('error', () => {})
      // Nobody reads on; or it is over, and what is left of the request is of no use.
      body.once('close', () => stream.close(constants.NGHTTP2_CANCEL))
      const status = Number(head[':status'])
      resolve({ kind: 'response', status, statusText: '', headers, body, isHeadOnly })
    })
  })
}

function withoutPseudo(raw: RawHeaders): string[] {
  return stripHopByHop(filterHeaders(raw, name => !name.startsWith(':')))
}
