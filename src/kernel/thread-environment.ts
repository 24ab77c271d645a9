import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'

/**
 * The environment of a thread of ours. SECURITY: none of the process's own,
 * which may hold provider keys; only where compiled code is kept, if it is, so
 * that a thread need not compile what the process has compiled before.
 */
export function threadEnvironment(): Record<string, string> {
  const cache = getCompileCacheDir()
  // What Node names is the part of its own version, which it adds by itself.
  return cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) }
}
