import type { Server, ServerOptions } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Limits } from '../kernel/limits.ts'
import { listenFailure } from '../kernel/listen-failure.ts'
import type { ListenAddress } from '../kernel/target.ts'

const BACKLOG = 4096

/** As nginx has it; clients reuse connections after longer than Node's 5 s. */
const KEEP_ALIVE_MS = 75_000

export type HeadLimits = Pick<Limits, 'headBytes' | 'headCount' | 'headTimeoutMs'>

/** Settings of every server that listens; `headCount` is to be set on the server itself. */
export function serverOptions({ headBytes, headTimeoutMs }: HeadLimits): ServerOptions {
  return {
    maxHeaderSize: headBytes,
    headersTimeout: headTimeoutMs,
    // Streams may upload for as long as they like; the head has its own limit.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(1000, headTimeoutMs),
    // HTTP/1.1 without Host reaches us: Node would answer for us, out of turn and uncounted.
    requireHostHeader: false,
    insecureHTTPParser: false,
    noDelay: true,
    keepAlive: true,
  }
}

/** Opens the port that `option` names; a taken or forbidden one is a configuration problem. */
export function listen(
  server: Server,
  address: ListenAddress,
  option: string,
): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(listenFailure(option, address, error)))
    server.listen({ host: address.host, port: address.port, backlog: BACKLOG }, () => {
      server.removeAllListeners('error')
      // Running out of file descriptors must not end us. Sessions are bounded
      // below that; where it happens all the same, libuv closes what it accepts.
      server.on('error', () => {})
      const bound = server.address()
      if (bound === null || typeof bound === 'string') reject(new Error('not a TCP listener'))
      else resolve(bound)
    })
  })
}
