import type { Provider } from './provider.ts'

/**
 * Why a provider is of no use at the moment, as a code; undefined when nothing
 * is known against it: `circuit_open`, `keys_out`, `keys_cooling`, or how its
 * last call failed (`http_529`, a reason code).
 */
export function illness({ breaker, keys }: Pick<Provider, 'breaker' | 'keys'>): string | undefined {
  for (const { scope, state } of breaker.states()) {
    if (scope === 'all' && state === 'open') return 'circuit_open'
  }
  const { ready, cooling } = keys.counts()
  if (keys.size > 0 && ready === 0) return cooling > 0 ? 'keys_cooling' : 'keys_out'
  return breaker.lastFailure
}
