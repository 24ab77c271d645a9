import type { Statements } from './statements.ts'

export interface ThreadLink {
  readonly parentId: string
  readonly rootId: string
}

/** The latest earlier call of the user whose answer made this tool call. */
export function findParent(
  statements: Statements,
  user: string,
  seq: number,
  toolCallId: string,
): ThreadLink | null {
  const row = statements.parent.get({ tool_call_id: toolCallId, user, seq })
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
export function adoptOrphans(
  statements: Statements,
  row: Readonly<Record<string, unknown>>,
  toolCallId: string,
): void {
  const { seq, id, user } = { seq: Number(row['seq']), id: String(row['id']), user: row['user'] }
  const root = row['thread_root_id']
  const root_id = typeof root === 'string' ? root : id
  const orphans = statements.orphans.all({ tool_call_id: toolCallId, user: String(user), seq })
  for (const orphan of orphans) {
    statements.adopt.run({ seq: Number(orphan['seq']), parent_id: id, root_id })
    statements.reroot.run({ id: String(orphan['id']), root_id })
  }
}
