import type { DatabaseSync } from 'node:sqlite'
import type { RecordQueries } from '../../kernel/records.ts'
import { also, conditionOf } from './filter.ts'

/** The distinct models, clients or users that begin with a prefix, sorted. */
export function names(
  database: DatabaseSync,
  { of, prefix, filter, offset, limit }: RecordQueries['names']['argument'],
): RecordQueries['names']['answer'] {
  // A prefix is compared as it is: LIKE would give its wildcards a meaning.
  const base = also(conditionOf(filter), `${of} IS NOT NULL`)
  const { sql, values } =
    prefix === '' ? base : also(base, `substr(${of}, 1, length(?)) = ?`, prefix, prefix)
  const rows = database
    .prepare(
      `SELECT DISTINCT ${of} AS name FROM interceptions WHERE ${sql} ORDER BY name LIMIT ? OFFSET ?`,
    )
    .all(...values, limit, offset)
  return rows.map(row => String(row['name']))
}
