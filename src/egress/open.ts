import type { Open } from '../kernel/flow.ts'
import type { Dial } from './dial.ts'
import { type RouteDeps, routeTarget } from './route.ts'

/** What every leg to a client-chosen destination needs. */
export interface OpenDeps extends RouteDeps {
  readonly dial: Dial
  readonly connectTimeoutMs: number
}

/**
 * The way to destinations that clients choose: resolve, judge, then dial what
 * was judged, or CONNECT through the upstream proxy. Rejects with a Refusal, or
 * with the signal's reason.
 */
export function createOpen(deps: OpenDeps): Open {
  return async (leg, signal) => {
    const { target } = leg
    const route = await routeTarget(leg, signal, deps)
    if (route.kind === 'upstream') {
      const tunnel = await route.upstream.tunnel(target, signal, {
        via: leg.via,
        bulk: true,
      })
      return { socket: tunnel, route: 'upstream', address: undefined }
    }
    const { connectTimeoutMs: timeoutMs } = deps
    const socket = await deps.dial(route.pinned, target.port, {
      timeoutMs,
      signal,
      bulk: true,
    })
    return { socket, route: 'direct', address: socket.remoteAddress }
  }
}
