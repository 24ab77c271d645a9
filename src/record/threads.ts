import { SQL } from './statements.ts'
import { ask, put, type Row, type Work } from './work.ts'

export interface ThreadLink {
  readonly parentId: string
  readonly rootId: string
}

/** The latest earlier call of the user whose answer made this tool call. */
export function* findParent(
  user: string,
  seq: number,
  toolCallId: string,
): Work<ThreadLink | null> {
  const [row] = (yield ask(SQL.parent, { tool_call_id: toolCallId, user, seq })).rows
  if (row === undefined) return null
  const parentId = String(row['id'])
  const root = row['thread_root_id']
  return { parentId, rootId: typeof root === 'string' ? root : parentId }
}

/**
 * An answer is read off the hot path, so the request that follows it up may
 * have been written first: such calls, and what hangs on them, are tied to the
 * thread now. `row` has the `place` of the call that the answer belongs to.
 */
export function* adoptOrphans(row: Row, toolCallId: string): Work<void> {
  const { seq, id, user } = { seq: Number(row['seq']), id: String(row['id']), user: row['user'] }
  const root = row['thread_root_id']
  const root_id = typeof root === 'string' ? root : id
  const found = yield ask(SQL.orphans, { tool_call_id: toolCallId, user: String(user), seq })
  for (const orphan of found.rows) {
    yield put(SQL.adopt, { seq: Number(orphan['seq']), parent_id: id, root_id })
    yield put(SQL.reroot, { id: String(orphan['id']), root_id })
  }
}
