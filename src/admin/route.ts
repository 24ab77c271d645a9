import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Holder } from '../kernel/flow.ts'
import { unescaped } from '../kernel/percent.ts'
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
  /** Whose token was shown; undefined where none is asked for. */
  readonly holder: Holder | undefined
  readonly deps: AdminDeps
  /** What stood in the places of `{names}` in the path, unescaped. */
  readonly params: Readonly<Record<string, string>>
}

export interface Route {
  readonly method: 'GET'
  /** A segment in braces stands for any one segment. */
  readonly path: string
  readonly access: Access
  readonly summary: string
  readonly handle: (exchange: Exchange) => void | Promise<void>
}

export type Match =
  | {
      readonly kind: 'route'
      readonly route: Route
      readonly params: Readonly<Record<string, string>>
    }
  | { readonly kind: 'method'; readonly allow: string }
  | { readonly kind: 'target' }
  | { readonly kind: 'none' }

/**
 * Finds the route of a request target. Fixed segments are compared as they were
 * sent: an escape or a doubled slash is another path, and no route has one.
 * HEAD goes where GET goes.
 */
export function matchRoute(routes: readonly Route[], method: string, target: string): Match {
  if (!target.startsWith('/')) return { kind: 'target' }
  const path = target.split('?', 1)[0] ?? ''
  const fitting = routes.flatMap(route => {
    const params = matchPath(route.path, path)
    return params === undefined ? [] : [{ route, params }]
  })
  // `/sessions/export` is not the session called export.
  const exact = fitting.filter(({ route }) => route.path === path)
  const found = exact.length > 0 ? exact : fitting
  if (found.length === 0) return { kind: 'none' }

  const wanted = method === 'HEAD' ? 'GET' : method
  const match = found.find(({ route }) => route.method === wanted)
  if (match !== undefined) return { kind: 'route', ...match }
  const allowed = found.flatMap(({ route: { method: own } }) =>
    own === 'GET' ? ['GET', 'HEAD'] : [own],
  )
  return { kind: 'method', allow: allowed.join(', ') }
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  if (!pattern.includes('{')) return pattern === path ? {} : undefined
  const parts = pattern.split('/')
  const segments = path.split('/')
  if (parts.length !== segments.length) return undefined

  const params: Record<string, string> = {}
  for (const [index, part] of parts.entries()) {
    const segment = segments[index] ?? ''
    if (!part.startsWith('{')) {
      if (part !== segment) return undefined
      continue
    }
    const value = unescaped(segment)
    if (value === undefined || value === '') return undefined
    params[part.slice(1, -1)] = value
  }
  return params
}
