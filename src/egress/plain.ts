import { type ClientRequest, request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import { HttpProxyAgent } from 'http-proxy-agent'
import type { Leg, Opened } from '../kernel/flow.ts'
import { filterHeaders, headerPairs, headerValues, type RawHeaders } from '../kernel/headers.ts'
import type { Target } from '../kernel/target.ts'
import { createSingleUseAgent } from './agents.ts'
import type { OpenDeps } from './open.ts'
import { type OutgoingRequest, sendRequest } from './request.ts'
import { routeTarget } from './route.ts'
import type { Upstream } from './upstream.ts'

/** A way to one plain `http://` target, for one request. */
interface PlainLeg {
  readonly route: Opened['route']
  readonly address: string | undefined
  /**
   * Sends the request; `path` is in origin form. SECURITY: the Host header must
   * be the target's, an upstream proxy would believe any other.
   */
  send(request: OutgoingRequest): ClientRequest
}

/** Resolves and judges the target before anything is sent. Rejects as `Open` does. */
export type OpenPlain = (
  leg: Pick<Leg, 'target' | 'caller'>,
  signal: AbortSignal,
) => Promise<PlainLeg>

/**
 * The way of absolute-form requests: directly to a judged address, or in
 * absolute form through the upstream proxy, once the target has been judged.
 */
export function createOpenPlain(deps: OpenDeps): OpenPlain {
  return async (leg, signal) => {
    const { target } = leg
    const route = await routeTarget(leg, signal, deps)
    if (route.kind === 'upstream') {
      const send: PlainLeg['send'] = request => sendThroughProxy(route.upstream, target, request)
      return { route: 'upstream', address: undefined, send }
    }
    const { connectTimeoutMs: timeoutMs } = deps
    const socket = await deps.dial(route.pinned, target.port, { timeoutMs, signal })
    const agent = createSingleUseAgent(() => Promise.resolve({ socket }))
    return {
      route: 'direct',
      address: socket.remoteAddress,
      send: request => sendRequest(agent, request),
    }
  }
}

type AgentRequest = Parameters<HttpProxyAgent<string>['connect']>[0]
type AgentTarget = Parameters<HttpProxyAgent<string>['connect']>[1]

/**
 * The package writes requests for a proxy; the connection and the exact bytes
 * of the target are ours.
 */
class JudgedProxyAgent extends HttpProxyAgent<string> {
  readonly #upstream: Upstream
  readonly #target: Target

  constructor(upstream: Upstream, target: Target) {
    const { protocol, target: proxy } = upstream.proxy
    const authorization = upstream.authorization()
    // SECURITY: credentials as a header, never in the URL: the package logs it.
    const headers = authorization === undefined ? {} : { 'Proxy-Authorization': authorization }
    super(`${protocol}://${proxy.text}`, { headers, keepAlive: false })
    this.#upstream = upstream
    this.#target = target
  }

  override setRequestProps(request: AgentRequest, target: AgentTarget): void {
    const path = request.path
    request.path = '/'
    super.setRequestProps(request, target)
    // The package rebuilds the URL, which would change the bytes of the path.
    request.path = `http://${this.#target.text}${path}`
  }

  override async connect(request: AgentRequest): Promise<Socket> {
    const gone = new AbortController()
    request.once('close', () => gone.abort(new Error('the request is gone')))
    return await this.#upstream.open(gone.signal)
  }
}

function sendThroughProxy(
  upstream: Upstream,
  target: Target,
  request: OutgoingRequest,
): ClientRequest {
  const hops = upstream.via(headerValues(request.headers, 'via'))
  const headers = [...filterHeaders(request.headers, name => name !== 'via'), 'Via', hops]
  return httpRequest({
    agent: new JudgedProxyAgent(upstream, target),
    protocol: 'http:',
    method: request.method,
    path: request.path,
    headers: groupHeaders(headers),
    setHost: false,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  })
}

/** The package needs headers that it can add to: by name, with all their values. */
function groupHeaders(raw: RawHeaders): Record<string, string | string[]> {
  const grouped = new Map<string, { readonly name: string; readonly values: string[] }>()
  for (const [name, value] of headerPairs(raw)) {
    const entry = grouped.get(name.toLowerCase())
    if (entry === undefined) grouped.set(name.toLowerCase(), { name, values: [value] })
    else entry.values.push(value)
  }
  return Object.fromEntries(
    [...grouped.values()].map(({ name, values }) => [
      name,
      values.length === 1 ? (values[0] ?? '') : values,
    ]),
  )
}
