import { ask, change, type Dialect, put, type SqlValues, type Work } from './work.ts'

export interface RetentionPolicy {
  /** Records that began before this are deleted; null keeps them. */
  readonly startedBefore: number | null
  /** Beyond this the oldest are deleted; null sets no bound. */
  readonly maxBytes: number | null
}

/** In one transaction: short enough that calls which begin wait little. */
const BATCH = 1000
const CHILDREN = ['model_thoughts', 'tool_usages', 'user_prompts', 'token_usages']

/**
 * Deletes one batch of what is too old or too much, details before their calls.
 * Age counts from the start of a call, ended or not.
 * @returns the calls and connects deleted: while there are any, there may be more
 */
export function* purgeBatch(
  dialect: Dialect,
  { startedBefore, maxBytes }: RetentionPolicy,
): Work<number> {
  const byAge = startedBefore === null ? 0 : yield* deleteOld(dialect, startedBefore)
  if (byAge > 0 || maxBytes === null) return byAge
  const [used] = (yield ask(dialect.usedBytes)).rows
  return Number(used?.['bytes']) > maxBytes ? yield* deleteOldest(dialect) : 0
}

function* deleteOld(dialect: Dialect, before: number): Work<number> {
  const where = 'started_at < :before ORDER BY started_at LIMIT :limit'
  const values = { before, limit: BATCH }
  const calls = yield* deleteCalls(dialect, where, values)
  const connects = yield change(
    `DELETE FROM connects WHERE seq IN (SELECT seq FROM connects WHERE ${where})`,
    values,
  )
  const gaps = yield change('DELETE FROM gaps WHERE ended_at < :before', { before })
  yield put('DELETE FROM budget_purses WHERE ends_at < :before', { before })
  yield put('DELETE FROM background_responses WHERE begun_at < :before', { before })
  // Callers of an issuer may be new with every job, and each leaves a row.
  yield put('DELETE FROM rate_limits WHERE next_at < :before', { before: before * 1000 })
  return calls + connects.changes + gaps.changes
}

function* deleteOldest(dialect: Dialect): Work<number> {
  const values = { limit: BATCH }
  const ended = "status <> 'in_progress' ORDER BY seq LIMIT :limit"
  const calls = yield* deleteCalls(dialect, ended, values)
  const connects = yield change(
    'DELETE FROM connects WHERE seq IN (SELECT seq FROM connects ORDER BY seq LIMIT :limit)',
    values,
  )
  return calls + connects.changes
}

function* deleteCalls(dialect: Dialect, where: string, values: SqlValues): Work<number> {
  const { rows } = yield ask(
    `SELECT seq FROM interceptions WHERE ${where}${dialect.forUpdate}`,
    values,
  )
  const chosen = JSON.stringify(rows.map(row => Number(row['seq'])))
  for (const table of CHILDREN) {
    const among = dialect.among('interception', ':chosen')
    yield put(`DELETE FROM ${table} WHERE ${among}`, { chosen })
  }
  const among = dialect.among('seq', ':chosen')
  return (yield change(`DELETE FROM interceptions WHERE ${among}`, { chosen })).changes
}
