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

/** The program of a thread: the module `name` beside the one at `url`, built or as it was written. */
export function threadProgram(name: string, url: string): URL {
  return new URL(`./${name}.${url.endsWith('.ts') ? 'ts' : 'js'}`, url)
}
