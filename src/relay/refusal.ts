import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { REASONS, type Reason } from '../kernel/reasons.ts'
import { endWith, isBehindLast, outstanding } from './pipeline.ts'

/** How long a refused client may take to read its answer before it is cut off. */
const LINGER_MS = 1000
/** And how long it may go on with an upload, which many finish before they read. */
const MAX_LINGER_MS = 30_000

/** The header that carries the stable reason code of every refusal. */
export const REASON_HEADER = 'X-Aibridge-Reason'

/**
 * The headers and body of a refusal. The public text comes from the table and
 * nowhere else, so that no address, name or internal error can slip into it.
 */
export function refusalParts(reason: Reason): { headers: string[]; body: string } {
  const row = REASONS[reason]
  const body = `${reason}: ${row.text}\n`
  const headers = [
    'Content-Type',
    'text/plain; charset=utf-8',
    'Content-Length',
    String(Buffer.byteLength(body)),
    REASON_HEADER,
    reason,
  ]
  if (row.status === 407) {
    headers.push('Proxy-Authenticate', 'Basic realm="aibridgeproxyd", charset="UTF-8"')
  }
  if (row.status === 503 || row.status === 429) headers.push('Retry-After', '1')
  return { headers, body }
}

/**
 * The socket is not kept: after CONNECT its parser is gone, and git and Java
 * redial on this where they would wait for ever without it.
 */
function closing(reason: Reason): string[] {
  const proxy = REASONS[reason].status === 407 ? ['Proxy-Connection', 'close'] : []
  return ['Connection', 'close', ...proxy]
}

/** A refusal as it goes over a raw socket. */
function renderRefusal(reason: Reason): string {
  const { status } = REASONS[reason]
  const { headers: parts, body } = refusalParts(reason)
  const headers = [...parts, ...closing(reason)]
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`]
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`)
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

/** Refusals that are on their way whole, though the rest of their request is still read. */
const said = new WeakSet<ServerResponse>()

/**
 * Answers on a socket whose parser is gone and closes it. What the client still
 * sends is read and thrown away for a moment: closing with unread bytes in the
 * buffer would reset the connection and take the answer with it. Where a
 * refusal has been said it is the answer; any other that is under way breaks off.
 */
export function refuseSocket(socket: Socket, reason: Reason): void {
  const answers = outstanding(socket)
  // SECURITY: bytes of ours would be taken for a part of the answer under way.
  if (socket.destroyed || !socket.writable || !answers.every(answer => said.has(answer))) {
    socket.destroy()
    return
  }
  socket.end(answers.length === 0 ? renderRefusal(reason) : '')
  linger(socket)
}

/**
 * Waits a moment for the other side's end after ours, reading and throwing away
 * what it still sends.
 */
export function linger(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  timer.unref()
  socket.once('end', () => socket.destroySoon())
  socket.once('close', () => clearTimeout(timer))
  socket.resume()
}

/**
 * Answers a request whose parser is still there. The answer is out at once; the
 * connection closes when the rest of the request has been read, or pauses for a
 * moment: a client in the middle of an upload must be able to read it, too.
 */
export function refuseResponse(response: ServerResponse, reason: Reason): void {
  if (isBehindLast(response)) return
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const { headers, body } = refusalParts(reason)
  endWith(response)
  response.writeHead(REASONS[reason].status, [...headers, ...closing(reason)])
  response.write(body)
  said.add(response)

  const { req: message } = response
  if (message.complete) {
    response.end()
    return
  }
  const end = (): void => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, LINGER_MS)
  timer.unref()
  const until = performance.now() + MAX_LINGER_MS
  message.on('data', () => {
    if (performance.now() < until) timer.refresh()
  })
  message.once('end', end)
  message.once('close', end)
  discardRest(response)
}

/** A client that stops in the middle of what nobody needs gives its place back. */
export const DISCARD_IDLE_MS = 60_000

/** Reads the rest of a request to nowhere, so that the next one is seen. */
export function discardRest({ req: message }: ServerResponse, idleMs = DISCARD_IDLE_MS): void {
  message.unpipe()
  message.resume()
  if (message.complete) return
  const timer = setTimeout(() => message.socket.destroy(), idleMs)
  timer.unref()
  message.on('data', () => timer.refresh())
  message.once('close', () => clearTimeout(timer))
}
