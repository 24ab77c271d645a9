import type { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { Refusal } from '../kernel/error.ts'
import type { Opened } from '../kernel/flow.ts'
import type { Reason } from '../kernel/reasons.ts'
import { isLoopbackHost, type Origin } from '../kernel/target.ts'
import type { Dial } from './dial.ts'
import { pinOperatorDestination } from './guard.ts'
import type { Own } from './own.ts'
import { addressesOf, type Resolve } from './resolve.ts'
import { clientContext, secure } from './tls.ts'
import type { Upstream } from './upstream.ts'

interface LegOptions {
  readonly reasons?: LegReasons
  /** What to speak over TLS; HTTP/1.1 unless given. */
  readonly protocol?: 'h2'
}

/** Opens a connection to the one origin that it was made for. */
export type DialOrigin = (signal: AbortSignal) => Promise<Opened>

export interface OriginDialDeps {
  readonly resolve: Resolve
  readonly dial: Dial
  readonly own: Own
  readonly ownCas: readonly X509Certificate[]
  readonly upstream: Upstream | undefined
  readonly connectTimeoutMs: number
  readonly tlsHandshakeTimeoutMs: number
}

/** How the failures of a leg are called. */
export interface LegReasons {
  readonly unreachable: Reason
  readonly untrusted: Reason
  readonly timeout: Reason
}

const PROVIDER_LEG: LegReasons = {
  unreachable: 'provider_unreachable',
  untrusted: 'provider_tls',
  timeout: 'provider_timeout',
}

const TIMEOUTS: ReadonlySet<Reason> = new Set<Reason>([
  'dns_timeout',
  'connect_timeout',
  'upstream_proxy_timeout',
])

/**
 * The way to an origin that the operator configured: a provider or the remote
 * bridge. Its address may be private, because the operator chose it and no
 * client can change it; our own listeners are still refused. With an upstream
 * proxy the leg goes through it by name, unresolved. Loopback origins (a
 * `localhost` name or a loopback literal) bypass it unless it is on this machine
 * itself: from another one a local gateway cannot be reached.
 *
 * `https` origins speak TLS 1.2 or later, verified against `roots` (PEM) and
 * nothing else. Rejects with a Refusal of the leg's reasons; the detail says
 * what lay behind it.
 */
export function createOriginDial(
  origin: Origin,
  roots: readonly string[],
  deps: OriginDialDeps,
  { reasons = PROVIDER_LEG, protocol }: LegOptions = {},
): DialOrigin {
  const { host } = origin.target
  const isBehind = !isLoopbackHost(host) || deps.upstream?.isLocal === true
  const upstream = isBehind ? deps.upstream : undefined
  const context = origin.protocol === 'https' ? clientContext(roots) : undefined
  // Saves a round trip of certificates; TLS refuses it if it has become stale.
  let session: Buffer | undefined

  const connect = async (signal: AbortSignal): Promise<Socket> => {
    try {
      return upstream === undefined
        ? await dialDirect(origin, signal, deps)
        : await upstream.tunnel(origin.target, signal)
    } catch (error) {
      throw asLegRefusal(error, reasons)
    }
  }

  return async signal => {
    const socket = await connect(signal)
    const route = upstream === undefined ? 'direct' : 'upstream'
    const address = upstream === undefined ? socket.remoteAddress : undefined
    if (context === undefined) return { socket, route, address }

    const stream = await secure(socket, {
      host,
      context,
      session,
      ownCas: deps.ownCas,
      protocol,
      timeoutMs: deps.tlsHandshakeTimeoutMs,
      signal,
      reasons: { ...reasons, broken: reasons.unreachable },
    })
    stream.on('session', ticket => {
      session = ticket
    })
    return { socket: stream, route, address }
  }
}

async function dialDirect(
  { target: { host, port } }: Origin,
  signal: AbortSignal,
  { resolve, dial, own, connectTimeoutMs }: OriginDialDeps,
): Promise<Socket> {
  const judged = pinOperatorDestination(await addressesOf(host, resolve, signal), own, port)
  if (!judged.ok) throw new Refusal(judged.refused, 'the origin is this daemon itself')
  return await dial(judged.allowed, port, { timeoutMs: connectTimeoutMs, signal })
}

function asLegRefusal(error: unknown, { timeout, unreachable }: LegReasons): unknown {
  // Want of descriptors is ours, and says "try again".
  if (!(error instanceof Refusal) || error.reason === 'overloaded') return error
  const reason = TIMEOUTS.has(error.reason) ? timeout : unreachable
  return new Refusal(reason, error.message, { cause: error })
}
