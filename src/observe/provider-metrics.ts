import type { Gauge } from 'prom-client'
import type { CircuitStateName, KeyStateName } from '../kernel/event.ts'

/** What is known of one provider at the moment. */
export interface ProviderSample {
  readonly provider: string
  readonly keys: Readonly<Record<KeyStateName, number>>
  readonly circuits: Iterable<{
    readonly route: string
    readonly scope: 'all' | 'caller'
    readonly state: CircuitStateName
  }>
}

/** The values that Coder's dashboards know. */
const CIRCUIT_VALUES = { closed: 0, 'half-open': 0.5, open: 1 } as const

/** Anew at every scrape: a reload may have taken a provider away. */
export function setProviderGauges(
  gauges: ReadonlyMap<string, Gauge>,
  samples: Iterable<ProviderSample>,
): void {
  const circuitState = gauges.get('circuitState')
  const providerKeys = gauges.get('providerKeys')
  circuitState?.reset()
  providerKeys?.reset()
  for (const { provider, keys, circuits } of samples) {
    for (const [state, count] of Object.entries(keys)) providerKeys?.set({ provider, state }, count)
    for (const { route, scope, state } of circuits) {
      circuitState?.set({ provider, endpoint: route, scope }, CIRCUIT_VALUES[state])
    }
  }
}
