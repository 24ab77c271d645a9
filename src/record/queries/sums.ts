import type { DatabaseSync } from 'node:sqlite'
import type { RecordQueries, UsageDimension, UsageRow } from '../../kernel/records.ts'
import { conditionOf } from './filter.ts'

/** The plus keeps SQLite from walking an index row by row, which is ten times slower. */
const KEYS: Readonly<Record<UsageDimension, string>> = {
  user: '+i.user',
  model: "coalesce(i.model, '-')",
  provider: '+i.provider',
  client: '+i.client',
  day: "strftime('%Y-%m-%d', i.started_at / 1000, 'unixepoch')",
}

const MOST_ROWS = 10_000

/** Calls and tokens by one dimension, the largest first; days in their order (UTC). */
export function usage(
  database: DatabaseSync,
  { filter, by }: RecordQueries['usage']['argument'],
): RecordQueries['usage']['answer'] {
  const { sql, values } = conditionOf(filter)
  const chosen = `(SELECT * FROM interceptions WHERE ${sql}) i`
  const all = (query: string): readonly Readonly<Record<string, unknown>>[] =>
    database.prepare(query).all(...values)

  // Two sums, because a call may have no tokens on record, or many.
  const calls = all(
    `SELECT ${KEYS[by]} AS key, count(*) AS calls, sum(i.status <> 'completed') AS failed,
       sum(i.usage_complete IS 0) AS incomplete
     FROM ${chosen} GROUP BY key`,
  )
  const tokens = new Map(
    all(
      `SELECT ${KEYS[by]} AS key, sum(t.input) AS input, sum(t.output) AS output,
         sum(t.cache_read) AS cache_read, sum(t.cache_write) AS cache_write
       FROM ${chosen} JOIN token_usages t ON t.interception = i.seq GROUP BY key`,
    ).map(row => [String(row['key']), row]),
  )
  const rows = calls.map(row => {
    const sums = tokens.get(String(row['key'])) ?? {}
    return {
      key: String(row['key']),
      calls: Number(row['calls']),
      failed: Number(row['failed']),
      incomplete: Number(row['incomplete']),
      input: Number(sums['input'] ?? 0),
      output: Number(sums['output'] ?? 0),
      cacheRead: Number(sums['cache_read'] ?? 0),
      cacheWrite: Number(sums['cache_write'] ?? 0),
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
