import type { RecordQueries } from '../../kernel/records.ts'
import { userId } from '../../kernel/user.ts'
import { ask, type Dialect, type Work } from '../work.ts'
import { also, conditionOf } from './filter.ts'

const MOST_USERS = 100_000

/** The distinct models, clients or users that begin with a prefix, sorted. */
export function* names(
  _: Dialect,
  { of, prefix, filter, offset, limit }: RecordQueries['names']['argument'],
): Work<RecordQueries['names']['answer']> {
  const column = `"${of}"`
  const isFiltered = Object.keys(filter).length > 0
  const condition = also(conditionOf(filter), `${column} IS NOT NULL`)
  const { sql, values } = isFiltered
    ? {
        sql: `SELECT DISTINCT ${column} AS name FROM interceptions WHERE ${condition.sql}`,
        values: condition.values,
      }
    : { sql: skipping(column), values: {} }
  // A prefix is compared as it is: LIKE would give its wildcards a meaning.
  const { rows } = yield ask(
    `SELECT name FROM (${sql}) AS names WHERE substr(name, 1, length(:prefix)) = :prefix
     ORDER BY name LIMIT :limit OFFSET :offset`,
    { ...values, prefix, limit, offset },
  )
  return rows.map(row => String(row['name']))
}

/** Ids are made from names, so the names that there are must be looked through. */
export function* userOfId(
  dialect: Dialect,
  { id }: RecordQueries['userOfId']['argument'],
): Work<RecordQueries['userOfId']['answer']> {
  const everybody = { of: 'user', prefix: '', filter: {}, offset: 0, limit: MOST_USERS } as const
  const users = yield* names(dialect, everybody)
  return users.find(user => userId(user) === id) ?? null
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
