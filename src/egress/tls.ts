import type { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import {
  type ConnectionOptions,
  connect,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'
import { describeError, errorCode, Refusal } from '../kernel/error.ts'
import { IDLE_RECORDS, watchRecords } from '../kernel/idle-records.ts'
import type { Reason } from '../kernel/reasons.ts'
import type { Host } from '../kernel/target.ts'
import { type Deadline, settleWithin } from './deadline.ts'

export interface SecureOptions extends Deadline {
  /** Who the certificate must belong to. */
  readonly host: Host
  readonly context: SecureContext
  readonly session?: Buffer | undefined
  /** Our own CAs: they vouch for nobody. */
  readonly ownCas: readonly X509Certificate[]
  /** What is to be spoken; HTTP/1.1 unless given. */
  readonly protocol?: 'h2' | undefined
  /** How a failure is called on this leg. */
  readonly reasons: {
    readonly untrusted: Reason
    readonly broken: Reason
    readonly timeout: Reason
  }
}

/** What happens to a connection rather than to a certificate. */
const BROKEN = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ECONNABORTED',
  'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
])

const contexts = new WeakMap<readonly string[], SecureContext>()

/**
 * A client context of exactly these roots (PEM), TLS 1.2 or later; neither the
 * system's roots nor NODE_EXTRA_CA_CERTS join them. Reading the roots of a
 * system takes about 11 ms of the event loop, so this belongs to the start, and
 * the same array gives the same context.
 */
export function clientContext(roots: readonly string[]): SecureContext {
  const known = contexts.get(roots)
  if (known !== undefined) return known
  const context = createSecureContext({ ca: [...roots], minVersion: 'TLSv1.2' })
  contexts.set(roots, context)
  return context
}

/** More than OpenSSL follows. */
const MAX_CHAIN = 100

/**
 * Whether a certificate that was shown is one of ours. SECURITY: our CA may be
 * in a file of roots, or below a root of the organisation, and whoever has its
 * key would be any provider to us. A session that is resumed was judged before.
 */
function isOurs(stream: TLSSocket, ownCas: readonly X509Certificate[]): boolean {
  if (stream.isSessionReused()) return false
  let shown = stream.getPeerX509Certificate()
  for (let depth = 0; shown !== undefined && depth < MAX_CHAIN; depth += 1) {
    const certificate = shown
    // By the key alone: it may have another certificate, under another name.
    if (ownCas.some(ca => certificate.verify(ca.publicKey))) return true
    shown = certificate.issuerCertificate
  }
  return false
}

/**
 * Speaks TLS over a connection that stands, verifies the certificate against
 * `host`, and offers one protocol only. Rejects with a Refusal of the leg's reasons,
 * or with the signal's reason; the socket is then destroyed. Names are sent as
 * SNI; addresses have none (RFC 6066 3).
 */
export function secure(socket: Socket, options: SecureOptions): Promise<TLSSocket> {
  const { host, reasons, timeoutMs } = options
  const timedOut = (): Error => new Refusal(reasons.timeout, `no TLS within ${timeoutMs} ms`)

  return settleWithin(options, timedOut, (fulfil, reject) => {
    const settings: ConnectionOptions = {
      socket,
      secureContext: options.context,
      // SECURITY: said aloud, so that no environment variable turns it off.
      rejectUnauthorized: true,
      ALPNProtocols: [options.protocol ?? 'http/1.1'],
      ...(host.kind === 'name'
        ? { servername: host.name, host: host.name }
        : { host: host.address.text }),
      ...(options.session === undefined ? {} : { session: options.session }),
    }
    const stream = connect(settings)
    let verified = false

    // Stays for good: an error between two owners must not end the process.
    stream.on('error', error => {
      const broken = BROKEN.has(errorCode(error) ?? '')
      reject(
        new Refusal(broken ? reasons.broken : reasons.untrusted, describeError(error), {
          cause: error,
        }),
      )
    })
    const onClose = (): void => reject(new Refusal(reasons.broken, 'closed during the handshake'))
    stream.once('close', onClose)
    stream.once('secureConnect', () => {
      verified = stream.authorized && !isOurs(stream, options.ownCas)
      if (verified) {
        watchRecords(socket, stream, () => {
          stream.destroy(new Refusal(reasons.broken, IDLE_RECORDS))
        })
        fulfil(stream)
      } else reject(new Refusal(reasons.untrusted, 'the certificate comes from our own CA'))
    })
    return () => {
      stream.removeListener('close', onClose)
      if (verified) return
      stream.destroy()
      socket.destroy()
    }
  })
}
