import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { BudgetStanding } from '../kernel/budget.ts'
import { setBudgetGauges } from './budget-metrics.ts'
import type { MetricRow } from './metric-row.ts'
import type { MetricKey, MetricKeyOf, MetricLabels } from './metric-table.ts'
import { METRICS } from './metric-table.ts'
import { type ProviderSample, setProviderGauges } from './provider-metrics.ts'
import { SeriesBudget } from './series-budget.ts'

const MAX_SERIES = 2000

/** The monitor's timer; an idle loop is measured as late by just this much. */
const LOOP_RESOLUTION_MS = 10

export interface MetricsOptions {
  readonly version: string
  /** Memory, CPU and garbage collection of the process; on unless false. */
  readonly processMetrics?: boolean
  readonly maxSeries?: number
}

/** What somebody else counts, asked for at every scrape. */
interface MetricSources {
  /** Milliseconds since the epoch; undefined while there is no CA. */
  readonly caExpiresAt?: () => number | undefined
  readonly openConnections?: () => number
  readonly logDrops?: () => number
  readonly providers?: () => Iterable<ProviderSample>
  /** Rejects while the books cannot be read. */
  readonly budgets?: () => Promise<Iterable<BudgetStanding>>
}

export interface Metrics extends Disposable {
  count<K extends MetricKeyOf<'counter'>>(key: K, labels: MetricLabels<K>, by?: number): void
  /** Moves a gauge by `by`, which may be negative. */
  shift<K extends MetricKeyOf<'gauge'>>(key: K, labels: MetricLabels<K>, by: number): void
  observe<K extends MetricKeyOf<'histogram'>>(key: K, labels: MetricLabels<K>, value: number): void
  /** At start and after every reload. */
  setProviders(providers: readonly { readonly name: string; readonly type: string }[]): void
  setSources(sources: MetricSources): void
  /** The page for Prometheus. */
  scrape(): Promise<{ readonly contentType: string; readonly body: string }>
}

/** A registry of its own with every metric of the table in it. */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry()
  if (options.processMetrics !== false) collectDefaultMetrics({ register: registry })
  const { counters, gauges, histograms } = register(registry)
  const budgets = new Map<string, SeriesBudget>()
  const admit = (key: MetricKey, labels: Readonly<Record<string, string>>) => {
    const budget = budgets.get(key) ?? new SeriesBudget(options.maxSeries ?? MAX_SERIES)
    budgets.set(key, budget)
    return budget.admit(labels)
  }

  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  loop.enable()
  gauges.get('buildInfo')?.set({ version: options.version, node: process.version }, 1)
  let sources: MetricSources = {}
  let dropsSeen = 0

  const readSources = (): void => {
    const expiresAt = sources.caExpiresAt?.()
    if (expiresAt !== undefined) gauges.get('caExpiry')?.set(expiresAt / 1000)
    gauges.get('openConnections')?.set(sources.openConnections?.() ?? 0)
    setProviderGauges(gauges, sources.providers?.() ?? [])
    const drops = sources.logDrops?.() ?? 0
    counters.get('logDrops')?.inc(Math.max(0, drops - dropsSeen))
    dropsSeen = drops
    const delayMs = loop.count === 0 ? 0 : loop.percentile(99) / 1e6 - LOOP_RESOLUTION_MS
    gauges.get('eventLoopDelay')?.set(Math.max(0, delayMs) / 1000)
    loop.reset()
  }

  return {
    count: (key, labels, by = 1) => counters.get(key)?.inc(admit(key, labels), by),
    shift: (key, labels, by) => gauges.get(key)?.inc(admit(key, labels), by),
    observe: (key, labels, value) => histograms.get(key)?.observe(admit(key, labels), value),
    setProviders(providers) {
      const gauge = gauges.get('providerInfo')
      gauge?.reset()
      for (const { name, type } of providers) {
        gauge?.set({ provider_name: name, provider_type: type, status: 'enabled' }, 1)
      }
    },
    setSources(next) {
      sources = next
    },
    async scrape() {
      readSources()
      // What cannot be read is left out: an old amount would look like a current one.
      setBudgetGauges(gauges, (await sources.budgets?.().catch(() => [])) ?? [])
      return { contentType: registry.contentType, body: await registry.metrics() }
    },
    [Symbol.dispose]() {
      loop.disable()
      registry.clear()
    },
  }
}

interface Registered {
  readonly counters: ReadonlyMap<string, Counter>
  readonly gauges: ReadonlyMap<string, Gauge>
  readonly histograms: ReadonlyMap<string, Histogram>
}

function register(registry: Registry): Registered {
  const counters = new Map<string, Counter>()
  const gauges = new Map<string, Gauge>()
  const histograms = new Map<string, Histogram>()
  for (const [key, row] of Object.entries<MetricRow>(METRICS)) {
    const base = {
      name: row.name,
      help: row.help,
      labelNames: [...row.labels],
      registers: [registry],
    }
    if (row.type === 'counter') counters.set(key, new Counter(base))
    else if (row.type === 'gauge') gauges.set(key, new Gauge(base))
    else histograms.set(key, new Histogram({ ...base, buckets: [...(row.buckets ?? [])] }))
  }
  return { counters, gauges, histograms }
}
