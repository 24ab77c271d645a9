import type { RecordQueries } from '../../kernel/records.ts'
import { ask, type Dialect, type Work } from '../work.ts'

/** The purses of running periods, by scope and period. */
export function* budgets(
  _: Dialect,
  { now }: RecordQueries['budgets']['argument'],
): Work<RecordQueries['budgets']['answer']> {
  const { rows } = yield ask(
    'SELECT * FROM budget_purses WHERE ends_at > :now ORDER BY scope, period',
    { now },
  )
  return rows.map(row => ({
    scope: String(row['scope']),
    period: String(row['period']),
    spent: Number(row['spent']),
    reserved: Number(row['reserved']),
    calls: Number(row['calls']),
  }))
}
