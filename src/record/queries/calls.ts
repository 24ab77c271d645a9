import type { RecordFilter, RecordQueries } from '../../kernel/records.ts'
import { ask, type Dialect, type Work } from '../work.ts'
import { withDetails } from './call-rows.ts'
import { also, conditionOf } from './filter.ts'

/** Text of one answer, so that a page of huge prompts does not fill the memory. */
const ANSWER_BYTES = 8 * 1024 * 1024

export function* countCalls(_: Dialect, filter: RecordFilter): Work<number> {
  const { sql, values } = conditionOf(filter)
  const [row] = (yield ask(`SELECT count(*) AS n FROM interceptions WHERE ${sql}`, values)).rows
  return Number(row?.['n'])
}

export function* findCall(
  _: Dialect,
  { id, user }: RecordQueries['findCall']['argument'],
): Work<number | null> {
  const [row] = (yield ask('SELECT seq, "user" FROM interceptions WHERE id = :id', { id })).rows
  return row === undefined || (user !== null && row['user'] !== user) ? null : Number(row['seq'])
}

/** Newest first. Stops early when the text gets large; `more` says that some are left. */
export function* calls(
  dialect: Dialect,
  { filter, before, offset, limit }: RecordQueries['calls']['argument'],
): Work<RecordQueries['calls']['answer']> {
  const base = conditionOf(filter)
  const { sql, values } = before === null ? base : also(base, 'seq < :before', { before })
  const { rows } = yield ask(
    `SELECT *, ${SIZE} AS size FROM interceptions WHERE ${sql}
     ORDER BY seq DESC LIMIT :limit OFFSET :offset`,
    { ...values, limit: limit + 1, offset },
  )

  let size = 0
  const fitting = rows.slice(0, limit).filter((row, index) => {
    size += Number(row['size'])
    return index === 0 || size <= ANSWER_BYTES
  })
  return { calls: yield* withDetails(dialect, fitting), more: rows.length > fitting.length }
}

const SIZE = `
  (SELECT coalesce(sum(length(prompt)), 0) FROM user_prompts WHERE interception = seq) +
  (SELECT coalesce(sum(length(input)), 0) FROM tool_usages WHERE interception = seq) +
  (SELECT coalesce(sum(length(content)), 0) FROM model_thoughts WHERE interception = seq)`
