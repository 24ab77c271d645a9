import type { DatabaseSync } from 'node:sqlite'
import type { RecordFilter, RecordQueries } from '../../kernel/records.ts'
import { withDetails } from './call-rows.ts'
import { also, conditionOf } from './filter.ts'

/** Text of one answer, so that a page of huge prompts does not fill the memory. */
const ANSWER_BYTES = 8 * 1024 * 1024

export function countCalls(database: DatabaseSync, filter: RecordFilter): number {
  const { sql, values } = conditionOf(filter)
  const row = database
    .prepare(`SELECT count(*) AS n FROM interceptions WHERE ${sql}`)
    .get(...values)
  return Number(row?.['n'])
}

export function findCall(
  database: DatabaseSync,
  { id, user }: RecordQueries['findCall']['argument'],
): number | null {
  const row = database.prepare('SELECT seq, user FROM interceptions WHERE id = ?').get(id)
  return row === undefined || (user !== null && row['user'] !== user) ? null : Number(row['seq'])
}

/** Newest first. Stops early when the text gets large; `more` says that some are left. */
export function calls(
  database: DatabaseSync,
  { filter, before, offset, limit }: RecordQueries['calls']['argument'],
): RecordQueries['calls']['answer'] {
  const base = conditionOf(filter)
  const { sql, values } = before === null ? base : also(base, 'seq < ?', before)
  const rows = database
    .prepare(
      `SELECT *, ${SIZE} AS size FROM interceptions WHERE ${sql} ORDER BY seq DESC LIMIT ? OFFSET ?`,
    )
    .all(...values, limit + 1, offset)

  let size = 0
  const fitting = rows.slice(0, limit).filter((row, index) => {
    size += Number(row['size'])
    return index === 0 || size <= ANSWER_BYTES
  })
  return { calls: withDetails(database, fitting), more: rows.length > fitting.length }
}

const SIZE = `
  (SELECT coalesce(sum(length(prompt)), 0) FROM user_prompts WHERE interception = seq) +
  (SELECT coalesce(sum(length(input)), 0) FROM tool_usages WHERE interception = seq) +
  (SELECT coalesce(sum(length(content)), 0) FROM model_thoughts WHERE interception = seq)`
