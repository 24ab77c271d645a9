import type { MetricRow } from './metric-row.ts'
import { METRICS } from './metric-table.ts'

const DATASOURCE = { type: 'prometheus', uid: '${datasource}' }
const WIDTH = 8
const HEIGHT = 8
const PER_ROW = 3
/** A graph is split by no more labels than these: a line for each user tells nothing. */
const SPLIT_BY: ReadonlySet<string> = new Set([
  'code',
  'direction',
  'endpoint',
  'model',
  'outcome',
  'owner',
  'period',
  'protocol',
  'provider',
  'reason',
  'scope',
  'server',
  'state',
  'status',
  'type',
])

/** `deploy/grafana/dashboard.json`: a graph for each metric, in the order of the table. */
export function grafanaDashboard(): string {
  const rows = Object.values<MetricRow>(METRICS).filter(row => !row.name.endsWith('_info'))
  const dashboard = {
    uid: 'aibridgeproxyd',
    title: 'aibridgeproxyd',
    schemaVersion: 39,
    editable: true,
    refresh: '1m',
    time: { from: 'now-6h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
        {
          name: 'instance',
          label: 'Instance',
          type: 'query',
          datasource: DATASOURCE,
          query: 'label_values(aibridgeproxyd_build_info, instance)',
          refresh: 2,
          multi: true,
          includeAll: true,
          current: { text: 'All', value: '$__all' },
        },
      ],
    },
    panels: rows.map(panel),
  }
  return `${JSON.stringify(dashboard, null, 2)}\n`
}

function panel(row: MetricRow, index: number): object {
  const { title, unit, lines } = graph(row)
  return {
    id: index + 1,
    type: 'timeseries',
    title,
    description: row.help,
    datasource: DATASOURCE,
    gridPos: {
      x: (index % PER_ROW) * WIDTH,
      y: Math.floor(index / PER_ROW) * HEIGHT,
      w: WIDTH,
      h: HEIGHT,
    },
    fieldConfig: { defaults: { unit }, overrides: [] },
    targets: lines.map(([legendFormat, expr], at) => ({ refId: 'ABC'[at], expr, legendFormat })),
  }
}

interface Graph {
  readonly title: string
  /** Grafana's name for it. */
  readonly unit: string
  readonly lines: readonly (readonly [legend: string, expr: string])[]
}

function graph({ name, type, labels }: MetricRow): Graph {
  const split = labels.filter(label => SPLIT_BY.has(label))
  const legend = split.map(label => `{{${label}}}`).join(' ')
  const series = `${name}{instance=~"$instance"}`
  if (type === 'histogram') {
    const buckets = series.replace('{', '_bucket{')
    const rate = `sum by (${['le', ...split].join(', ')}) (rate(${buckets}[$__rate_interval]))`
    const lines = [50, 95, 99].map(
      percent =>
        [`p${percent} ${legend}`.trim(), `histogram_quantile(0.${percent}, ${rate})`] as const,
    )
    return { title: name, unit: 's', lines }
  }
  if (name.endsWith('_timestamp_seconds')) {
    return { title: name, unit: 's', lines: [['{{instance}}', `${series} - time()`]] }
  }
  const by = split.join(', ') || 'instance'
  const drawn = (expr: string): Graph['lines'] => [[legend || '{{instance}}', expr]]
  if (type === 'gauge') {
    // What several daemons tell of one thing is not to be added up.
    const isShared = /_(?:state|dollars)$/.test(name)
    return {
      title: name,
      unit: name.endsWith('_dollars') ? 'currencyUSD' : name.endsWith('_seconds') ? 's' : 'short',
      lines: drawn(`${isShared ? 'max' : 'sum'} by (${by}) (${series})`),
    }
  }
  const rate = `sum by (${by}) (rate(${series}[$__rate_interval]))`
  if (name.includes('_usd_')) {
    return { title: `${name}, per hour`, unit: 'currencyUSD', lines: drawn(`3600 * ${rate}`) }
  }
  const unit = name.includes('_bytes_') ? 'Bps' : 'cps'
  return { title: `${name}, per second`, unit, lines: drawn(rate) }
}
