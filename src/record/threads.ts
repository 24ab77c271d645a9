import type { Place } from './places.ts'
import { put, type Work } from './work.ts'

/**
 * A request that brings the result of a tool call belongs to the thread of the
 * latest earlier call whose answer asked for it.
 * SECURITY: among one caller's calls only, because tool-call ids can be guessed
 * or copied.
 */
export function* joinThread({ seq, user }: Place, toolCallId: string): Work<void> {
  yield put(JOIN, { seq, user, tool_call_id: toolCallId })
}

/**
 * An answer is read off the hot path, so the request that follows it up may
 * have been written first: such calls, and what hangs on them, are tied to the
 * thread now.
 */
export function* adoptOrphans({ seq, id, user }: Place, toolCallId: string): Work<void> {
  const values = { seq, id, user, tool_call_id: toolCallId }
  yield put(ADOPT, values)
  yield put(REROOT, values)
}

const PARENT = `
  SELECT i.id AS parent_id, coalesce(i.thread_root_id, i.id) AS root_id
  FROM tool_usages t JOIN interceptions i ON i.seq = t.interception
  WHERE t.tool_call_id = :tool_call_id AND i."user" = :user AND i.seq < :seq
  ORDER BY i.seq DESC LIMIT 1`

const JOIN = `
  UPDATE interceptions SET
    correlating_tool_call_id = coalesce(correlating_tool_call_id, :tool_call_id),
    thread_parent_id = coalesce(thread_parent_id, parent_id),
    thread_root_id = coalesce(thread_root_id, root_id),
    session_id = coalesce(client_session_id, thread_root_id, root_id, id)
  FROM (SELECT 1 AS one) AS one LEFT JOIN (${PARENT}) AS parent ON TRUE
  WHERE seq = :seq`

/** In one go: a caller may have made up as many calls with this id as it likes. */
const MOST_ORPHANS = 100

const ROOT = '(SELECT coalesce(thread_root_id, id) AS root_id FROM interceptions WHERE seq = :seq)'
const FOLLOWERS = `
  SELECT seq FROM interceptions
  WHERE correlating_tool_call_id = :tool_call_id AND "user" = :user AND seq > :seq`

const ADOPT = `
  UPDATE interceptions SET
    thread_parent_id = :id,
    thread_root_id = root_id,
    session_id = coalesce(client_session_id, root_id)
  FROM ${ROOT} AS root
  WHERE seq IN (${FOLLOWERS} AND thread_parent_id IS NULL LIMIT ${MOST_ORPHANS})`

const REROOT = `
  UPDATE interceptions SET
    thread_root_id = root_id,
    session_id = coalesce(client_session_id, root_id)
  FROM ${ROOT} AS root
  WHERE thread_root_id IN (
    SELECT id FROM interceptions WHERE seq IN (${FOLLOWERS} AND thread_parent_id = :id))`
