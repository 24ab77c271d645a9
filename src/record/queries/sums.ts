import type { RecordQueries, UsageDimension, UsageRow } from '../../kernel/records.ts'
import { ask, type Dialect, type Work } from '../work.ts'
import { COST, IS_UNPRICED } from './costs.ts'
import { conditionOf } from './filter.ts'

/** An expression keeps SQLite from walking an index row by row, which is ten times slower. */
function keyOf(by: UsageDimension, dialect: Dialect): string {
  return by === 'day' ? dialect.day('i.started_at') : `coalesce(i."${by}", '-')`
}

const MOST_ROWS = 10_000

/** Calls and tokens by one dimension, the largest first; days in their order (UTC). */
export function* usage(
  dialect: Dialect,
  { filter, by }: RecordQueries['usage']['argument'],
): Work<RecordQueries['usage']['answer']> {
  const { sql, values } = conditionOf(filter)
  const key = keyOf(by, dialect)
  const chosen = `(SELECT * FROM interceptions WHERE ${sql}) i`

  // Two sums, because a call may have no tokens on record, or many.
  const calls = yield ask(
    `SELECT ${key} AS key, count(*) AS calls,
       count(*) FILTER (WHERE i.status <> 'completed') AS failed,
       count(*) FILTER (WHERE i.usage_complete = 0) AS incomplete,
       count(*) FILTER (WHERE i.billing = 'subscription') AS subscription
     FROM ${chosen} GROUP BY 1`,
    values,
  )
  const tokens = yield ask(
    `SELECT ${key} AS key, sum(t.input) AS input, sum(t.output) AS output,
       sum(t.cache_read) AS cache_read, sum(t.cache_write) AS cache_write, ${COST} AS cost,
       count(DISTINCT i.seq) FILTER (WHERE ${IS_UNPRICED}) AS unpriced
     FROM ${chosen} JOIN token_usages t ON t.interception = i.seq GROUP BY 1`,
    values,
  )
  const tokensOf = new Map(tokens.rows.map(row => [String(row['key']), row]))
  const rows = calls.rows.map(row => {
    const sums = tokensOf.get(String(row['key'])) ?? {}
    return {
      key: String(row['key']),
      calls: Number(row['calls']),
      failed: Number(row['failed']),
      incomplete: Number(row['incomplete']),
      input: Number(sums['input'] ?? 0),
      output: Number(sums['output'] ?? 0),
      cacheRead: Number(sums['cache_read'] ?? 0),
      cacheWrite: Number(sums['cache_write'] ?? 0),
      costNano: typeof sums['cost'] === 'number' ? sums['cost'] : null,
      unpriced: Number(sums['unpriced'] ?? 0),
      subscription: Number(row['subscription']),
    }
  })
  return rows.sort(by === 'day' ? byKey : byTokens).slice(0, MOST_ROWS)
}

function byTokens(a: UsageRow, b: UsageRow): number {
  return b.input + b.output - (a.input + a.output) || b.calls - a.calls || byKey(a, b)
}

function byKey(a: UsageRow, b: UsageRow): number {
  return a.key < b.key ? -1 : 1
}
