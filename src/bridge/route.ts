import type { ProviderType } from '../kernel/provider.ts'
import type { Reason } from '../kernel/reasons.ts'
import { baseSuffix, hasDotSegment, routeSuffix, upstreamPath } from './path.ts'

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
export function route(
  path: string,
  method: string,
  { type, basePath, passthrough }: RouteContext,
): Route {
  if (hasDotSegment(path)) return { kind: 'refuse', reason: 'dot_segment' }
  const suffixes = [routeSuffix(path, type.routePrefix), baseSuffix(path, basePath)]
  const mapped = upstreamPath(path, { routePrefix: type.routePrefix, basePath })
  const bridged = match(type.bridged, suffixes)
  if (bridged !== undefined) {
    return { kind: 'bridged', listed: true, label: type.routePrefix + bridged, path: mapped }
  }
  const found = match(type.passthrough, suffixes)
  const listed = found !== undefined && isHarmless(found, method) ? found : undefined
  if (listed === undefined && passthrough === 'listed') {
    return { kind: 'refuse', reason: 'route_not_supported' }
  }
  const label = listed === undefined ? 'other' : type.routePrefix + listed
  return { kind: 'passthrough', listed: listed !== undefined, label, path: mapped }
}

/**
 * SECURITY: a central key may delete or change what belongs to the whole
 * organisation, so it goes with few methods only, and models are just read.
 */
function isHarmless(entry: string, method: string): boolean {
  if (method === 'GET' || method === 'HEAD') return true
  return method === 'POST' && !/\/models\/?$/.test(entry)
}

function match(
  entries: readonly string[],
  suffixes: readonly (string | undefined)[],
): string | undefined {
  return entries.find(entry =>
    suffixes.some(suffix => (entry.endsWith('/') ? suffix?.startsWith(entry) : suffix === entry)),
  )
}
