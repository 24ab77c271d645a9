import type { Socket } from 'node:net'
import type { Opened } from '../kernel/flow.ts'
import { type SpliceEnd, splice } from '../relay/splice.ts'

interface TunnelOptions {
  readonly idleMs: number
  readonly signal: AbortSignal
}

export interface TunnelEnd {
  readonly end: SpliceEnd
  readonly bytesUp: number
  readonly bytesDown: number
}

/**
 * client ⇄ us ⇄ origin, raw: the origin sees the client's own ClientHello.
 * Nothing is read before it is relayed, so origins that speak first work.
 */
export async function tunnel(
  client: Socket,
  opened: Opened,
  options: TunnelOptions,
): Promise<TunnelEnd> {
  const origin = opened.socket
  // What an upstream proxy's handshake cost is not the tunnel's traffic, but
  // what it already brought of the origin's first words is.
  const sentBefore = origin.bytesWritten
  const receivedBefore = origin.bytesRead - origin.readableLength
  client.write('HTTP/1.1 200 Connection established\r\n\r\n')
  const end = await splice(client, origin, options)
  return {
    end,
    bytesUp: origin.bytesWritten - sentBefore,
    bytesDown: origin.bytesRead - receivedBefore,
  }
}
