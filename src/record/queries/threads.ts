import type { DatabaseSync } from 'node:sqlite'
import type { RecordQueries, ThreadRecord } from '../../kernel/records.ts'
import { withDetails } from './call-rows.ts'

/** An agent's thread may have thousands of calls; a page shows so many of each. */
const CALLS_PER_THREAD = 500

const GROUPED = `
  SELECT coalesce(thread_root_id, id) AS root, min(seq) AS first FROM interceptions
  WHERE session_id = ? AND user = ? AND status <> 'in_progress' GROUP BY root`

/** Oldest first: the page after a cursor, or the one that ends before it. */
export function threads(
  database: DatabaseSync,
  { sessionId, user, after, before, limit }: RecordQueries['threads']['argument'],
): RecordQueries['threads']['answer'] {
  const cursor = after ?? before
  const place = cursor === null ? null : placeOf(database, sessionId, user, cursor)
  if (cursor !== null && place === null) return null

  const isBackward = before !== null
  const comparison = place === null ? '' : `WHERE first ${isBackward ? '<' : '>'} ?`
  const rows = database
    .prepare(
      `SELECT * FROM (${GROUPED}) ${comparison} ORDER BY first ${isBackward ? 'DESC' : 'ASC'} LIMIT ?`,
    )
    .all(sessionId, user, ...(place === null ? [] : [place]), limit)
  const roots = rows.map(row => String(row['root']))
  return (isBackward ? roots.toReversed() : roots).map(root => thread(database, root, user))
}

function placeOf(
  database: DatabaseSync,
  sessionId: string,
  user: string,
  root: string,
): number | null {
  const row = database
    .prepare(`SELECT first FROM (${GROUPED}) WHERE root = ?`)
    .get(sessionId, user, root)
  return row === undefined ? null : Number(row['first'])
}

function thread(database: DatabaseSync, root: string, user: string): ThreadRecord {
  const rows = database
    .prepare(
      `SELECT * FROM interceptions
       WHERE (id = ?1 OR thread_root_id = ?1) AND user = ?2 AND status <> 'in_progress'
       ORDER BY seq LIMIT ${CALLS_PER_THREAD}`,
    )
    .all(root, user)
  return { id: root, calls: withDetails(database, rows) }
}
