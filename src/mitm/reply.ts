import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Reply } from '../kernel/flow.ts'
import { headerPairs, type RawHeaders } from '../kernel/headers.ts'
import { linger } from '../relay/refusal.ts'
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
    // Nobody reads this socket any more: without this the client's own end
    // would never be seen.
    linger(socket)
  })
  return response
}

/**
 * Hands early hints on (RFC 8297); other informational answers have no use.
 * Total: Node is strict about links, and a provider's bad hint is no reason to
 * lose its answer.
 */
export function inform(response: ServerResponse, status: number, headers: RawHeaders): void {
  if (status !== 103 || response.headersSent || response.req.httpVersion !== '1.1') return
  const hints = new Map<string, string[]>()
  for (const [name, value] of headerPairs(headers)) {
    const key = name.toLowerCase()
    hints.set(key, [...(hints.get(key) ?? []), value])
  }
  const link = hints.get('link')
  if (link === undefined) return
  try {
    response.writeEarlyHints({ ...Object.fromEntries(hints), link })
  } catch {
    // Dropped: it was only a hint.
  }
}

/** Completes an upgrade: the provider's 101 to the client, then both ways raw. */
export async function joinUpgraded(
  client: Duplex,
  clientHead: Buffer,
  reply: Extract<Reply, { kind: 'upgraded' }>,
  options: { readonly idleMs: number },
): Promise<void> {
  const lines = [`HTTP/1.1 101 ${reply.statusText}`, 'Connection: Upgrade', 'Upgrade: websocket']
  for (const [name, value] of headerPairs(reply.headers)) lines.push(`${name}: ${value}`)
  client.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  if (clientHead.length > 0) client.unshift(clientHead)
  if (reply.head.length > 0) reply.socket.unshift(reply.head)
  if (reply.onClientData !== undefined) {
    // Paused first: a listener alone must not start the flow.
    client.pause()
    client.on('data', reply.onClientData)
  }
  await splice(client, reply.socket, options)
}
