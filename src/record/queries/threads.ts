import type { RecordQueries, ThreadRecord } from '../../kernel/records.ts'
import { ask, type Dialect, type Work } from '../work.ts'
import { withDetails } from './call-rows.ts'

/** An agent's thread may have thousands of calls; a page shows so many of each. */
const CALLS_PER_THREAD = 500

const GROUPED = `
  (SELECT coalesce(thread_root_id, id) AS root, min(seq) AS first FROM interceptions
  WHERE session_id = :sessionId AND "user" = :user AND status <> 'in_progress'
  GROUP BY 1) AS threads`

/** Oldest first: the page after a cursor, or the one that ends before it. */
export function* threads(
  dialect: Dialect,
  { sessionId, user, after, before, limit }: RecordQueries['threads']['argument'],
): Work<RecordQueries['threads']['answer']> {
  const cursor = after ?? before
  const place = cursor === null ? null : yield* placeOf(sessionId, user, cursor)
  if (cursor !== null && place === null) return null

  const isBackward = before !== null
  const comparison = place === null ? '' : `WHERE first ${isBackward ? '<' : '>'} :place`
  const { rows } = yield ask(
    `SELECT * FROM ${GROUPED} ${comparison} ORDER BY first ${isBackward ? 'DESC' : 'ASC'} LIMIT :limit`,
    { sessionId, user, limit, ...(place !== null && { place }) },
  )
  const roots = rows.map(row => String(row['root']))
  const found: ThreadRecord[] = []
  for (const root of isBackward ? roots.toReversed() : roots) {
    found.push(yield* thread(dialect, root, user))
  }
  return found
}

function* placeOf(sessionId: string, user: string, root: string): Work<number | null> {
  const found = yield ask(`SELECT first FROM ${GROUPED} WHERE root = :root`, {
    sessionId,
    user,
    root,
  })
  const [row] = found.rows
  return row === undefined ? null : Number(row['first'])
}

function* thread(dialect: Dialect, root: string, user: string): Work<ThreadRecord> {
  const { rows } = yield ask(
    `SELECT * FROM interceptions
     WHERE (id = :root OR thread_root_id = :root) AND "user" = :user AND status <> 'in_progress'
     ORDER BY seq LIMIT ${CALLS_PER_THREAD}`,
    { root, user },
  )
  return { id: root, calls: yield* withDetails(dialect, rows) }
}
