import type { MetricRow } from './metric-row.ts'
import { METRICS } from './metric-table.ts'

/** `docs/reference/metrics.md`. */
export function metricsReference(): string {
  const rows = Object.values<MetricRow>(METRICS).map(row => {
    const labels = row.labels.map(label => `\`${label}\``).join(', ')
    const buckets = row.buckets === undefined ? '' : ` Buckets: ${row.buckets.join(', ')}.`
    return `| \`${row.name}\` | ${row.type} | ${labels} | ${row.series} | ${row.help}${buckets} |`
  })
  return `# Metrics

Served at \`/metrics\` in the text format of Prometheus. Names that begin with
\`coder_\` are those of Coder's AI Bridge and mean the same; the others are this
daemon's own. Beside them there are the usual \`process_*\` and \`nodejs_*\` metrics.

No label is free text of a client. The column "series" is the most that a metric
can grow to in one process, for P providers, U users, C client labels and R
listed routes; a metric that would exceed 2,000 counts the rest under \`other\`.

| name | type | labels | series | meaning |
|---|---|---|---|---|
${rows.join('\n')}
`
}
