import type { Call } from '../kernel/flow.ts'
import { hasBody } from '../kernel/framing.ts'
import type { ProviderType } from '../kernel/provider.ts'
import type { Reason } from '../kernel/reasons.ts'
import { holdsTokenShape } from '../kernel/token.ts'
import type { WireFormat } from '../kernel/usage.ts'
import { hasDotSegment, isListedAs, listedForms, upstreamPath } from './path.ts'
import { withoutQueryKeys } from './query-key.ts'

export type Route =
  | {
      readonly kind: 'bridged' | 'passthrough'
      /** On a list: a central key may be put in. */
      readonly listed: boolean
      /** The entry that matched, or `other`: a label from our tables, not from the client. */
      readonly label: string
      /** What bodies mean: of a bridged call, or the answers to one that asks for an earlier one's. */
      readonly format: WireFormat | undefined
      readonly path: string
    }
  | { readonly kind: 'refuse'; readonly reason: Reason }

interface RouteContext {
  readonly type: ProviderType
  readonly basePath: string
  readonly passthrough: 'all' | 'listed'
  /** The client addressed the provider's own host. */
  readonly ownHost: boolean
  /** Nothing is asked of a model; see `isReading`. */
  readonly reads?: boolean
}

/** Whether a call only reads what there is, as a list of earlier answers: no model works for it. */
export function isReading({
  method,
  headers,
  upgrade,
}: Pick<Call, 'method' | 'headers' | 'upgrade'>): boolean {
  return !upgrade && !hasBody(headers) && /^(?:GET|HEAD|OPTIONS)$/.test(method)
}

/**
 * Where a call goes. The lists exist because a central key may be powerful: it
 * is only ever put on paths that are known to be harmless.
 */
export function route(path: string, method: string, context: RouteContext): Route {
  const { type, basePath, passthrough, reads = false } = context
  if (hasDotSegment(path)) return { kind: 'refuse', reason: 'dot_segment' }
  // SECURITY: where a query has a place for keys, they are taken out on the way.
  if (holdsTokenShape(withoutQueryKeys(path, type, () => true))) {
    return { kind: 'refuse', reason: 'token_in_target' }
  }
  const { routePrefix, wholeHost = false } = type
  const forms = listedForms(path, { routePrefix, basePath })
  const mapped = mappedPath(path, context)
  const isNamed = (entry: string): boolean => forms.some(form => isListedAs(entry, form))

  const bridged = Object.entries(type.bridged).find(([entry]) => isNamed(entry))
  if (bridged !== undefined) {
    const [entry, format] = bridged
    const named = { listed: true, label: routePrefix + entry, path: mapped }
    if (reads) return { kind: 'passthrough', ...named, format: undefined }
    return { kind: 'bridged', ...named, format }
  }
  const listed = type.passthrough.find(entry => isHarmless(entry, method) && isNamed(entry))
  if (listed === undefined && passthrough === 'listed' && !wholeHost) {
    return { kind: 'refuse', reason: 'route_not_supported' }
  }
  const label = listed === undefined ? 'other' : routePrefix + listed
  return {
    kind: 'passthrough',
    listed: listed !== undefined,
    label,
    format: listed === undefined ? undefined : type.retrievals?.[listed],
    path: mapped,
  }
}

function mappedPath(path: string, { type, basePath, ownHost }: RouteContext): string {
  const { routePrefix, wholeHost = false } = type
  if (wholeHost && ownHost) return path
  return upstreamPath(path, { routePrefix, basePath, ownHost: ownHost || wholeHost })
}

/**
 * SECURITY: a central key may delete or change what belongs to the whole
 * organisation, so it goes with few methods only, and models are just read.
 */
function isHarmless(entry: string, method: string): boolean {
  if (method === 'GET' || method === 'HEAD') return true
  return method === 'POST' && !/\/models\/?$/.test(entry)
}
