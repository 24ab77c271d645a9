import { CODER_METRICS } from './coder-metrics.ts'
import type { MetricRow } from './metric-row.ts'
import { OWN_METRICS } from './own-metrics.ts'

/**
 * Names that begin with `coder_` are those of Coder's AI Bridge and its proxy
 * and mean the same; the others are this daemon's own.
 */
export const METRICS = {
  ...CODER_METRICS,
  ...OWN_METRICS,
} as const satisfies Record<string, MetricRow>

export type MetricKey = keyof typeof METRICS

/** The keys of one type of metric. */
export type MetricKeyOf<T extends MetricRow['type']> = {
  [K in MetricKey]: (typeof METRICS)[K]['type'] extends T ? K : never
}[MetricKey]

/** Every label of a metric, none more and none less. */
export type MetricLabels<K extends MetricKey> = Readonly<
  Record<(typeof METRICS)[K]['labels'][number], string>
>
