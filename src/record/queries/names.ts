import type { DatabaseSync } from 'node:sqlite'
import type { RecordQueries } from '../../kernel/records.ts'
import { also, conditionOf, type SqlValue } from './filter.ts'

/** The distinct models, clients or users that begin with a prefix, sorted. */
export function names(
  database: DatabaseSync,
  { of, prefix, filter, offset, limit }: RecordQueries['names']['argument'],
): RecordQueries['names']['answer'] {
  const isFiltered = Object.keys(filter).length > 0
  const condition = also(conditionOf(filter), `${of} IS NOT NULL`)
  const { sql, values } = isFiltered
    ? {
        sql: `SELECT DISTINCT ${of} AS name FROM interceptions WHERE ${condition.sql}`,
        values: condition.values,
      }
    : { sql: skipping(of), values: [] as readonly SqlValue[] }
  // A prefix is compared as it is: LIKE would give its wildcards a meaning.
  const rows = database
    .prepare(
      `SELECT name FROM (${sql}) WHERE substr(name, 1, length(?)) = ?
       ORDER BY name LIMIT ? OFFSET ?`,
    )
    .all(...values, prefix, prefix, limit, offset)
  return rows.map(row => String(row['name']))
}

/** Jumps from one name to the next in the index, however many rows have it. */
function skipping(column: string): string {
  return `
    WITH RECURSIVE found (name) AS (
      SELECT min(${column}) FROM interceptions
      UNION ALL
      SELECT (SELECT min(${column}) FROM interceptions WHERE ${column} > name) FROM found
      WHERE name IS NOT NULL
    )
    SELECT name FROM found WHERE name IS NOT NULL`
}
