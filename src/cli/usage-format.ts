import { csvCell, dollarsOf } from '../admin/records/csv.ts'
import type { NanoDollars } from '../kernel/money.ts'
import type { UsageDimension, UsageRow } from '../kernel/records.ts'
import { alignedTable, dollarCell, printable } from './table.ts'

type Count = Exclude<keyof UsageRow, 'key' | 'costNano'>

const COLUMNS: readonly (readonly [field: Count, name: string])[] = [
  ['calls', 'calls'],
  ['failed', 'failed'],
  ['incomplete', 'incomplete'],
  ['input', 'input_tokens'],
  ['output', 'output_tokens'],
  ['cacheRead', 'cache_read_input_tokens'],
  ['cacheWrite', 'cache_write_input_tokens'],
  ['unpriced', 'unpriced_calls'],
  ['subscription', 'subscription_calls'],
]
const HEADINGS = [
  'CALLS',
  'FAILED',
  'INCOMPLETE',
  'INPUT',
  'OUTPUT',
  'CACHE READ',
  'CACHE WRITE',
  'UNPRICED',
  'BY PLAN',
  'COST USD',
]

const UNPRICED =
  'The cost is without that of UNPRICED calls: put the prices of their models into CODER_AIBRIDGE_PRICES_FILE.\n'

/** For people: aligned, with a line of totals. */
export function usageTable(rows: readonly UsageRow[], by: UsageDimension): string {
  if (rows.length === 0) return 'no calls are on record\n'
  const total = (field: Count): number => rows.reduce((sum, row) => sum + row[field], 0)
  const costs = rows.map(row => row.costNano).filter(cost => cost !== null)
  const cost = costs.length === 0 ? null : costs.reduce((sum, one) => sum + one, 0)
  const lines = [
    [by.toUpperCase(), ...HEADINGS],
    ...rows.map(row => [
      printable(row.key),
      ...COLUMNS.map(([field]) => grouped(row[field])),
      amount(row.costNano),
    ]),
    ['total', ...COLUMNS.map(([field]) => grouped(total(field))), amount(cost)],
  ]
  return `${alignedTable(lines)}${total('unpriced') > 0 ? UNPRICED : ''}`
}

export function usageCsv(rows: readonly UsageRow[], by: UsageDimension): string {
  const lines = rows.map(row => [
    csvCell(row.key),
    ...COLUMNS.map(([field]) => String(row[field])),
    csvCell(dollarsOf(row.costNano)),
  ])
  const head = [by, ...COLUMNS.map(([, name]) => name), 'cost_usd']
  return [head, ...lines].map(line => `${line.join(',')}\r\n`).join('')
}

export function usageJson(rows: readonly UsageRow[], by: UsageDimension): string {
  const objects = rows.map(row =>
    Object.fromEntries([
      [by, row.key],
      ...COLUMNS.map(([field, name]) => [name, row[field]]),
      ['cost_nano_usd', row.costNano],
    ]),
  )
  return `${JSON.stringify(objects, undefined, 2)}\n`
}

function amount(cost: NanoDollars | null): string {
  return cost === null ? '-' : dollarCell(cost)
}

function grouped(count: number): string {
  return count.toLocaleString('en-US')
}
