import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Reply } from '../kernel/flow.ts'
import { headerPairs } from '../kernel/headers.ts'
import { linger } from './refusal.ts'
import { splice } from './splice.ts'

/** Whether a request asks for the one switch that is relayed (RFC 6455 4.1). */
export function isWebSocket(message: IncomingMessage): boolean {
  return message.method === 'GET' && message.headers.upgrade?.trim().toLowerCase() === 'websocket'
}

/**
 * A response object for a message whose socket lost its parser to an upgrade, or
 * to CONNECT. SECURITY: with an answer outstanding, be it one of Node's own, it
 * would end up in the middle of that, and Node throws; there the connection ends.
 */
export function responseOn(message: IncomingMessage): ServerResponse | undefined {
  const { socket } = message
  const response = new ServerResponse(message)
  response.shouldKeepAlive = false
  try {
    response.assignSocket(socket)
  } catch {
    socket.destroy()
    return undefined
  }
  response.once('finish', () => {
    response.detachSocket(socket)
    socket.end()
    // Nobody reads this socket any more: without this the client's own end
    // would never be seen.
    linger(socket)
  })
  return response
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
