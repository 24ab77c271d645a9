import type { Server } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { SecureContextOptions, TlsOptions } from 'node:tls'
import { createSecureContext } from 'node:tls'
import { readFile } from '../config/read-file.ts'
import type { ProxySettings, Settings, TlsFiles } from '../config/settings.ts'
import { ConfigurationError, describeError } from '../kernel/error.ts'
import { SERVER_TLS } from '../kernel/server-tls.ts'
import type { ListenAddress } from '../kernel/target.ts'
import { createListener } from '../proxy/listener.ts'
import type { PlainDeps } from '../proxy/plain.ts'
import { listen } from '../relay/listening.ts'

/** The open ports of the proxy. */
export interface ProxyListeners extends AsyncDisposable {
  readonly proxy: ListenAddress
  readonly tls: ListenAddress | undefined
  /**
   * Reads the listener's certificate and the client CAs again; handshakes from now on get it.
   * Throws ConfigurationError and changes nothing when it cannot be used.
   */
  reload(settings: TlsSettings): void
  /** Stops accepting; what is open goes on. */
  stop(): void
}

/**
 * Opens the proxy port, and the TLS one beside it when it has an address of its
 * own. `onBound` hears of each port as soon as it is bound: own ports must be
 * known before the first request.
 */
export async function openListeners(
  settings: Settings,
  deps: PlainDeps,
  onBound: (address: ListenAddress) => void,
): Promise<ProxyListeners> {
  const { proxy, limits } = settings
  const tls = readListenerTls(proxy)
  const servers: Server[] = []
  await using opened = new AsyncDisposableStack()
  const openOne = async (
    address: ListenAddress,
    options: TlsOptions | undefined,
    option: string,
  ): Promise<ListenAddress> => {
    const server = createListener(deps, limits, options)
    const bound = await listen(server, address, option)
    opened.use(closing(server))
    servers.push(server)
    const at = { host: bound.address, port: bound.port }
    onBound(at)
    return at
  }
  const main = await openOne(
    proxy.listen,
    proxy.tlsListen === undefined ? tls : undefined,
    'CODER_AIBRIDGE_PROXY_LISTEN_ADDR',
  )
  const beside =
    proxy.tlsListen === undefined
      ? undefined
      : await openOne(proxy.tlsListen, tls, 'CODER_AIBRIDGE_PROXY_TLS_LISTEN_ADDR')
  const keep = opened.move()

  return {
    proxy: main,
    tls: beside,
    reload({ tls: files, clientCertificates }) {
      // SECURITY: a listener that asks for certificates never goes without CAs of
      // its own: Node would take any certificate of a public CA.
      const next = readListenerTls({
        tls: files,
        clientCertificates: clientCertificates ?? proxy.clientCertificates,
      })
      if (next === undefined) return
      for (const server of servers) {
        if (server instanceof HttpsServer) server.setSecureContext({ ...next, ...SERVER_TLS })
      }
    },
    stop() {
      for (const server of servers) server.close()
    },
    [Symbol.asyncDispose]: () => keep.disposeAsync(),
  }
}

/**
 * Ends a listener with everything that it accepted, whether or not it still
 * listens. The sockets are kept here: the server's own list has no connection
 * that is in its TLS handshake, and whoever hangs in one would keep us running.
 */
function closing(server: Server): AsyncDisposable {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const closed = new Promise<void>(resolve => {
    server.once('close', () => resolve())
  })
  return {
    async [Symbol.asyncDispose]() {
      if (server.listening) server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

type TlsSettings = Pick<ProxySettings, 'tls' | 'clientCertificates'>

function readListenerTls({ tls, clientCertificates }: TlsSettings): TlsOptions | undefined {
  if (tls === undefined) return undefined
  if (clientCertificates === undefined) return readTls(tls)
  const { caPem, required } = clientCertificates
  return { ...readTls(tls), ca: caPem, requestCert: true, rejectUnauthorized: required }
}

/** The listener's own certificate; checked here, so that a bad one stops the start. */
export function readTls({ certFile, keyFile }: TlsFiles): SecureContextOptions {
  try {
    const options = { cert: readFile(certFile), key: readFile(keyFile) }
    createSecureContext(options)
    return options
  } catch (error) {
    throw new ConfigurationError([
      `load listener TLS certificate: ${certFile} and ${keyFile}: ${describeError(error)}: give a PEM certificate chain and its unencrypted key`,
    ])
  }
}
