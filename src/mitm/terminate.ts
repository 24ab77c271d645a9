import type { Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import { waitPatiently } from '../kernel/patience.ts'
import { classifyTlsFailure, type TlsFailure } from './tls-failure.ts'

export interface Terminated {
  readonly socket: TLSSocket
  /** The name in the ClientHello; a client that dials an address sends none. */
  readonly servername: string | undefined
}

/**
 * Serves TLS to a client that asked for CONNECT. Resolves when the handshake is
 * done; resolves with the failure when it is not, and the socket is gone then.
 * The leaf is the CONNECT host's whatever the client names: it cannot choose.
 */
export function terminate(
  client: Socket,
  secureContext: SecureContext,
  timeoutMs: number,
): Promise<Terminated | TlsFailure> {
  return new Promise(resolve => {
    const socket = new TLSSocket(client, {
      isServer: true,
      secureContext,
      ALPNProtocols: ['h2', 'http/1.1'],
    })
    const writtenBefore = client.bytesWritten
    let failure: Error | undefined
    const wait = waitPatiently(timeoutMs, () => {
      resolve('handshake_timeout')
      socket.destroy()
    })

    socket.on('error', () => {})
    // Node keeps the cause of a failed server handshake to this event: the
    // socket closes without an `error`. Without it nobody could tell that a
    // client does not trust the CA, which is what operators ask most.
    socket.once('_tlsError', (error: Error) => {
      failure = error
    })
    // A client's end during the handshake closes nothing by itself.
    const onEnd = (): void => void socket.destroy()
    socket.once('end', onEnd)
    socket.once('secure', () => {
      wait[Symbol.dispose]()
      socket.off('end', onEnd)
      const { servername } = socket as { servername?: string | false | null }
      resolve({
        socket,
        servername:
          servername === false || servername === null || servername === '' ? undefined : servername,
      })
    })
    socket.once('close', () => {
      wait[Symbol.dispose]()
      const reason = classifyTlsFailure(failure)
      // Node and others send no alert for a certificate that they reject: they
      // just close once they have seen it.
      const saw = client.bytesWritten > writtenBefore
      resolve(reason === 'closed' && saw ? 'ca_not_trusted' : reason)
    })
  })
}
