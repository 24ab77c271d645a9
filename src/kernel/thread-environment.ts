import { getCompileCacheDir } from 'node:module'

/**
 * The environment of a thread of ours. SECURITY: none of the process's own,
 * which may hold provider keys; only where compiled code is kept, if it is, so
 * that a thread need not compile what the process has compiled before.
 */
export function threadEnvironment(): Record<string, string> {
  const cache = getCompileCacheDir()
  return cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }
}
