import type { ProviderType } from '../kernel/provider.ts'
import type { Reason } from '../kernel/reasons.ts'
import { hasDotSegment, routeSuffix, upstreamPath } from './path.ts'

export type Route =
  | {
      readonly kind: 'bridged' | 'passthrough'
      /** On a list: a central key may be put in. */
      readonly listed: boolean
      /** The entry that matched, or `other`: a label from our tables, not from the client. */
      readonly label: string
      readonly path: string
    }
  | { readonly kind: 'refuse'; readonly reason: Reason }

interface RouteContext {
  readonly type: ProviderType
  readonly basePath: string
  readonly passthrough: 'all' | 'listed'
}

/**
 * Where a call goes. The lists exist because a central key may be powerful: it
 * is only ever put on paths that are known to be harmless.
 */
export function route(path: string, { type, basePath, passthrough }: RouteContext): Route {
  if (hasDotSegment(path)) return { kind: 'refuse', reason: 'dot_segment' }
  const suffix = routeSuffix(path, type.routePrefix)
  const mapped = upstreamPath(path, { routePrefix: type.routePrefix, basePath })
  const bridged = suffix === undefined ? undefined : match(type.bridged, suffix)
  if (bridged !== undefined) {
    return { kind: 'bridged', listed: true, label: type.routePrefix + bridged, path: mapped }
  }
  const listed = suffix === undefined ? undefined : match(type.passthrough, suffix)
  if (listed === undefined && passthrough === 'listed') {
    return { kind: 'refuse', reason: 'route_not_supported' }
  }
  const label = listed === undefined ? 'other' : type.routePrefix + listed
  return { kind: 'passthrough', listed: listed !== undefined, label, path: mapped }
}

function match(entries: readonly string[], suffix: string): string | undefined {
  return entries.find(entry => (entry.endsWith('/') ? suffix.startsWith(entry) : suffix === entry))
}
