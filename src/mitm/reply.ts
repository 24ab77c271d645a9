import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Reply } from '../kernel/flow.ts'
import type { RawHeaders } from '../kernel/headers.ts'
import { REASONS, type Reason } from '../kernel/reasons.ts'
import { splice } from '../relay/splice.ts'

/** A response object for a message whose socket lost its parser to an upgrade. */
export function responseOn(message: IncomingMessage): ServerResponse {
  const { socket } = message
  const response = new ServerResponse(message)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  response.once('finish', () => {
    response.detachSocket(socket)
    socket.end()
  })
  return response
}

/** Our own refusal of a decrypted request that never reached the bridge. */
export function refuseCall(response: ServerResponse, reason: Reason): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const row = REASONS[reason]
  const body = `${reason}: ${row.text}\n`
  response.writeHead(row.status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'X-Aibridge-Reason': reason,
    Connection: 'close',
  })
  response.end(body)
}

/** Hands an informational answer on; Node writes 103 itself, others have no use. */
export function inform(response: ServerResponse, status: number, headers: RawHeaders): void {
  if (status !== 103 || response.headersSent) return
  const hints: Record<string, string | string[]> = {}
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase()
    const value = headers[i + 1] ?? ''
    const before = hints[name]
    hints[name] = before === undefined ? value : [before, value].flat()
  }
  response.writeEarlyHints(hints)
}

/** Completes an upgrade: the provider's 101 to the client, then both ways raw. */
export async function joinUpgraded(
  client: Duplex,
  clientHead: Buffer,
  reply: Extract<Reply, { kind: 'upgraded' }>,
  options: { readonly idleMs: number },
): Promise<void> {
  const lines = [`HTTP/1.1 101 ${reply.statusText}`, 'Connection: Upgrade', 'Upgrade: websocket']
  for (let i = 0; i + 1 < reply.headers.length; i += 2) {
    lines.push(`${reply.headers[i]}: ${reply.headers[i + 1]}`)
  }
  client.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  if (clientHead.length > 0) client.unshift(clientHead)
  if (reply.head.length > 0) reply.socket.unshift(reply.head)
  await splice(client, reply.socket, options)
}
