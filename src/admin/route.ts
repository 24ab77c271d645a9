import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Identity } from '../kernel/flow.ts'
import type { AdminDeps } from './deps.ts'

/**
 * What a request must show: nothing, any valid token, an administrator's token,
 * or (`loopback`) nothing on a loopback listener and an administrator's token
 * on any other.
 */
export type Access = 'none' | 'user' | 'admin' | 'loopback'

export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly identity: Identity | undefined
  readonly deps: AdminDeps
}

export interface Route {
  readonly method: 'GET'
  readonly path: string
  readonly access: Access
  readonly summary: string
  readonly handle: (exchange: Exchange) => void | Promise<void>
}

export type Match =
  | { readonly kind: 'route'; readonly route: Route }
  | { readonly kind: 'method'; readonly allow: string }
  | { readonly kind: 'target' }
  | { readonly kind: 'none' }

/**
 * Finds the route of a request target. Paths are compared as they were sent:
 * an escape or a doubled slash is another path, and no route has one. HEAD goes
 * where GET goes.
 */
export function matchRoute(routes: readonly Route[], method: string, target: string): Match {
  if (!target.startsWith('/')) return { kind: 'target' }
  const path = target.split('?', 1)[0]
  const found = routes.filter(route => route.path === path)
  if (found.length === 0) return { kind: 'none' }
  const wanted = method === 'HEAD' ? 'GET' : method
  const route = found.find(candidate => candidate.method === wanted)
  if (route !== undefined) return { kind: 'route', route }
  const allowed = found.flatMap(({ method: own }) => (own === 'GET' ? ['GET', 'HEAD'] : [own]))
  return { kind: 'method', allow: allowed.join(', ') }
}
