import { csvCell } from '../admin/records/csv.ts'
import type { BudgetStanding } from '../kernel/budget.ts'
import { formatDollars } from '../kernel/money.ts'
import { alignedTable, dollarCell, printable } from './table.ts'

const HEADINGS = ['OWNER', 'PERIOD', 'LIMIT USD', 'SPENT USD', 'HELD USD', 'CALLS', 'RESETS']

/** For people: what is spent, against what may be. */
export function budgetsTable(standings: readonly BudgetStanding[]): string {
  if (standings.length === 0) return 'no budget applies: see CODER_AIBRIDGE_POLICY_FILE\n'
  return alignedTable([
    HEADINGS,
    ...standings.map(({ scope, kind, limit, spent, reserved, calls, resetsAt }) => [
      printable(scope),
      kind,
      ...[limit, spent, reserved].map(dollarCell),
      calls.toLocaleString('en-US'),
      new Date(resetsAt).toISOString(),
    ]),
  ])
}

export function budgetsCsv(standings: readonly BudgetStanding[]): string {
  const head = 'owner,period,period_key,limit_usd,spent_usd,reserved_usd,calls,resets_at\r\n'
  const lines = standings.map(({ scope, kind, period, limit, spent, reserved, calls, resetsAt }) =>
    [
      scope,
      kind,
      period,
      ...[limit, spent, reserved].map(formatDollars),
      calls,
      new Date(resetsAt).toISOString(),
    ]
      .map(csvCell)
      .join(','),
  )
  return [head, ...lines.map(line => `${line}\r\n`)].join('')
}

export function budgetsJson(standings: readonly BudgetStanding[]): string {
  const objects = standings.map(standing => ({
    owner: standing.scope,
    period: standing.kind,
    period_key: standing.period,
    limit_nano_usd: standing.limit,
    spent_nano_usd: standing.spent,
    reserved_nano_usd: standing.reserved,
    calls: standing.calls,
    resets_at: new Date(standing.resetsAt).toISOString(),
  }))
  return `${JSON.stringify(objects, undefined, 2)}\n`
}
