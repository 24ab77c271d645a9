import type { DatabaseSync } from 'node:sqlite'
import type { RecordQueries, UsageDimension } from '../../kernel/records.ts'
import { conditionOf } from './filter.ts'

const KEYS: Readonly<Record<UsageDimension, string>> = {
  user: 'i.user',
  model: "coalesce(i.model, '-')",
  provider: 'i.provider',
  client: 'i.client',
  day: "strftime('%Y-%m-%d', i.started_at / 1000, 'unixepoch')",
}

const MOST_ROWS = 10_000

/** Calls and tokens by one dimension, the largest first; days in their order (UTC). */
export function usage(
  database: DatabaseSync,
  { filter, by }: RecordQueries['usage']['argument'],
): RecordQueries['usage']['answer'] {
  const { sql, values } = conditionOf(filter)
  const tokens = (column: string): string => `coalesce(sum(t.${column}), 0) AS ${column}`
  const rows = database
    .prepare(
      `SELECT ${KEYS[by]} AS key,
         count(DISTINCT i.seq) AS calls,
         count(DISTINCT CASE WHEN i.status <> 'completed' THEN i.seq END) AS failed,
         count(DISTINCT CASE WHEN i.usage_complete = 0 THEN i.seq END) AS incomplete,
         ${['input', 'output', 'cache_read', 'cache_write'].map(tokens).join(', ')}
       FROM (SELECT * FROM interceptions WHERE ${sql}) i
       LEFT JOIN token_usages t ON t.interception = i.seq
       GROUP BY key
       ORDER BY ${by === 'day' ? 'key' : 'sum(t.input) + sum(t.output) DESC, calls DESC, key'}
       LIMIT ${MOST_ROWS}`,
    )
    .all(...values)
  return rows.map(row => ({
    key: String(row['key']),
    calls: Number(row['calls']),
    failed: Number(row['failed']),
    incomplete: Number(row['incomplete']),
    input: Number(row['input']),
    output: Number(row['output']),
    cacheRead: Number(row['cache_read']),
    cacheWrite: Number(row['cache_write']),
  }))
}
