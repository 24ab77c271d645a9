/**
 * One metric. `series` is the pessimistic number of time series it can grow to
 * in one process (P providers, U users, C client labels, R listed routes), so
 * that nobody adds a label without counting; whatever happens, no metric grows
 * beyond the budget of `series-budget.ts`.
 */
export interface MetricRow {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
  readonly series: string
  readonly buckets?: readonly number[]
}
