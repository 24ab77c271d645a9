import type { Socket } from 'node:net'
import { describeError, Refusal } from '../kernel/error.ts'
import { type Deadline, settleWithin } from './deadline.ts'

/** All heads together, interim answers included. */
const MAX_HEAD_BYTES = 16 * 1024
const HEAD_END = '\r\n\r\n'
/** RFC 9112 4. Only HTTP/1 answers; the text after the status is not looked at. */
const STATUS_LINE = /^HTTP\/1\.[01] ([1-9][0-9]{2})(?: |\r\n)/

/**
 * Reads the answer to a CONNECT up to the end of its head and gives its status.
 * Interim answers (1xx) are skipped. What follows the head belongs to the
 * tunnel and is put back, so that the next reader sees it first. Rejects with a
 * Refusal (`upstream_proxy_failed`, `upstream_proxy_timeout`) or with the
 * signal's reason; the socket is the caller's to destroy.
 */
export function readConnectReply(socket: Socket, deadline: Deadline): Promise<number> {
  const timedOut = (): Error =>
    new Refusal('upstream_proxy_timeout', `no answer to CONNECT within ${deadline.timeoutMs} ms`)

  return settleWithin(deadline, timedOut, (fulfil, reject) => {
    let received = Buffer.alloc(0)
    let rest: Buffer | undefined

    const onReadable = (): void => {
      for (let chunk = read(socket); chunk !== null; chunk = read(socket)) {
        received = Buffer.concat([received, chunk])
      }
      const reply = parseReply(received)
      if (reply.kind === 'complete') {
        rest = received.subarray(reply.length)
        fulfil(reply.status)
      } else if (reply.kind === 'malformed' || received.length > MAX_HEAD_BYTES) {
        reject(new Refusal('upstream_proxy_failed', 'the answer to CONNECT is not HTTP'))
      }
    }
    const onEnd = (): void => {
      reject(new Refusal('upstream_proxy_failed', 'closed before its answer was complete'))
    }
    const onError = (error: Error): void => {
      reject(new Refusal('upstream_proxy_failed', describeError(error), { cause: error }))
    }

    // `readable` rather than `data`: without its listener the stream is back in
    // its first state, neither flowing nor paused, as the next owner expects.
    socket.on('readable', onReadable).on('end', onEnd).on('close', onEnd).on('error', onError)
    return () => {
      socket.removeListener('readable', onReadable)
      socket.removeListener('end', onEnd)
      socket.removeListener('close', onEnd)
      socket.removeListener('error', onError)
      if (rest !== undefined && rest.length > 0) socket.unshift(rest)
    }
  })
}

type Parsed =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'complete'; readonly status: number; readonly length: number }

/** The first final answer in the bytes, and where it ends. */
function parseReply(bytes: Buffer): Parsed {
  let start = 0
  for (;;) {
    const end = bytes.indexOf(HEAD_END, start, 'latin1')
    if (end < 0 || end > MAX_HEAD_BYTES) return { kind: 'incomplete' }
    const line = STATUS_LINE.exec(bytes.toString('latin1', start, end + 2))
    if (line === null) return { kind: 'malformed' }
    const status = Number(line[1])
    const length = end + HEAD_END.length
    if (status >= 200) return { kind: 'complete', status, length }
    // A switch of protocols is no answer to CONNECT.
    if (status === 101) return { kind: 'malformed' }
    start = length
  }
}

function read(socket: Socket): Buffer | null {
  const chunk: unknown = socket.read()
  return Buffer.isBuffer(chunk) ? chunk : null
}
