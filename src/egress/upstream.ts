import type { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { Refusal } from '../kernel/error.ts'
import type { Reason } from '../kernel/reasons.ts'
import { isLoopbackHost, type Target, type UpstreamProxy } from '../kernel/target.ts'
import { readConnectReply } from './connect-reply.ts'
import type { Dial } from './dial.ts'
import { pinOperatorDestination } from './guard.ts'
import type { LoopMark } from './loop.ts'
import type { Own } from './own.ts'
import { addressesOf, type Resolve } from './resolve.ts'
import { clientContext, secure } from './tls.ts'

/** The corporate proxy, as the legs through it use it. */
export interface Upstream {
  readonly proxy: UpstreamProxy
  /** It runs on this machine: its loopback is ours, and can be reached through it. */
  readonly isLocal: boolean
  /** A connection to the proxy itself, TLS done if it wants TLS. */
  open(signal: AbortSignal): Promise<Socket>
  tunnel(target: Target, signal: AbortSignal, options?: TunnelOptions): Promise<Socket>
  /**
   * The Via value of a request to the proxy: the hops so far, and ours. Throws
   * the Refusal `self` if the request has been through here before.
   */
  via(hops: readonly string[]): string
  /** The Proxy-Authorization value for requests to the proxy. */
  authorization(): string | undefined
}

interface TunnelOptions {
  /** The Via values of the client's request. */
  readonly via?: readonly string[]
  /** It will be piped and nothing else: see `DialOptions`. */
  readonly bulk?: boolean
}

export interface UpstreamDeps {
  readonly proxy: UpstreamProxy
  /** PEM, for this leg and no other. */
  readonly roots: readonly string[]
  readonly ownCas: readonly X509Certificate[]
  readonly resolve: Resolve
  readonly dial: Dial
  readonly own: Own
  readonly loop: LoopMark
  readonly connectTimeoutMs: number
  readonly tlsHandshakeTimeoutMs: number
}

/** How a failure on the way to the proxy is called. */
const PROXY_REASON: Partial<Record<Reason, Reason>> = {
  dns_not_found: 'upstream_proxy_failed',
  dns_failed: 'upstream_proxy_failed',
  connect_failed: 'upstream_proxy_failed',
  dns_timeout: 'upstream_proxy_timeout',
  connect_timeout: 'upstream_proxy_timeout',
}

/**
 * Tunnels through an `http://` or `https://` proxy by CONNECT (RFC 9110 9.3.6).
 * Rejects with a Refusal: `upstream_proxy_failed`, `upstream_proxy_timeout`,
 * `upstream_proxy_refused` (detail: the status), `self`. Nothing is retried.
 */
export function createUpstream(deps: UpstreamDeps): Upstream {
  const { proxy, resolve, dial, own } = deps
  const context = proxy.protocol === 'https' ? clientContext(deps.roots) : undefined

  const open = async (signal: AbortSignal, bulk = false): Promise<Socket> => {
    const socket = await dialProxy(signal, bulk && context === undefined)
    if (context === undefined) return socket
    return await secure(socket, {
      host: proxy.target.host,
      context,
      ownCas: deps.ownCas,
      timeoutMs: deps.tlsHandshakeTimeoutMs,
      signal,
      reasons: {
        untrusted: 'upstream_proxy_failed',
        broken: 'upstream_proxy_failed',
        timeout: 'upstream_proxy_timeout',
      },
    })
  }

  const dialProxy = async (signal: AbortSignal, bulk: boolean): Promise<Socket> => {
    const { host, port } = proxy.target
    try {
      const judged = pinOperatorDestination(await addressesOf(host, resolve, signal), own, port)
      if (!judged.ok) throw new Refusal(judged.refused, 'the upstream proxy is this daemon')
      return await dial(judged.allowed, port, { timeoutMs: deps.connectTimeoutMs, signal, bulk })
    } catch (error) {
      const reason = error instanceof Refusal ? PROXY_REASON[error.reason] : undefined
      if (reason === undefined || !(error instanceof Refusal)) throw error
      throw new Refusal(reason, error.message, { cause: error })
    }
  }

  const authorization = (): string | undefined => {
    const { credentials } = proxy
    // RFC 7617 2: the only charset that a server can ask for is UTF-8.
    return credentials && `Basic ${Buffer.from(credentials.reveal(), 'utf8').toString('base64')}`
  }

  const via = (hops: readonly string[]): string => {
    const chain = deps.loop.chain(hops)
    if (chain !== undefined) return chain
    throw new Refusal('self', 'the request went through here before, or through too many proxies')
  }

  const tunnel: Upstream['tunnel'] = async (target, signal, options = {}) => {
    const head = connectHead(target, via(options.via ?? []), authorization())
    const socket = await open(signal, options.bulk)
    try {
      socket.write(head, 'latin1')
      const status = await readConnectReply(socket, { timeoutMs: deps.connectTimeoutMs, signal })
      if (status >= 300) throw new Refusal('upstream_proxy_refused', `status ${status}`)
      return socket
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  return { proxy, isLocal: isLoopbackHost(proxy.target.host), open, tunnel, via, authorization }
}

function connectHead(target: Target, via: string, authorization: string | undefined): string {
  return [
    `CONNECT ${target.text} HTTP/1.1`,
    `Host: ${target.text}`,
    `Via: ${via}`,
    ...(authorization === undefined ? [] : [`Proxy-Authorization: ${authorization}`]),
    '',
    '',
  ].join('\r\n')
}
