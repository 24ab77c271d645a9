import type { DatabaseSync } from 'node:sqlite'

export interface RetentionPolicy {
  /** Records that began before this are deleted; null keeps them. */
  readonly startedBefore: number | null
  /** Beyond this the oldest are deleted; null sets no bound. */
  readonly maxBytes: number | null
}

/** In one transaction: short enough that calls which begin wait little. */
const BATCH = 1000
const VACUUM_PAGES = 2000
const CHILDREN = ['model_thoughts', 'tool_usages', 'user_prompts', 'token_usages']

/**
 * Deletes one batch of what is too old or too much, details before their calls,
 * and gives freed pages back to the disk. Age counts from the start of a call,
 * ended or not.
 * @returns the calls and connects deleted, and whether there is more to do
 */
export function purgeBatch(
  database: DatabaseSync,
  policy: RetentionPolicy,
): { readonly deleted: number; readonly more: boolean } {
  const byAge = policy.startedBefore === null ? 0 : deleteOld(database, policy.startedBefore)
  const tooBig = policy.maxBytes !== null && usedBytes(database) > policy.maxBytes
  const bySize = byAge === 0 && tooBig ? deleteOldest(database) : 0
  database.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`)
  const deleted = byAge + bySize
  return { deleted, more: deleted > 0 }
}

function deleteOld(database: DatabaseSync, before: number): number {
  return inTransaction(database, () => {
    const where = 'started_at < ? ORDER BY started_at LIMIT ?'
    const calls = deleteCalls(database, where, [before, BATCH])
    const connects = database
      .prepare(`DELETE FROM connects WHERE seq IN (SELECT seq FROM connects WHERE ${where})`)
      .run(before, BATCH)
    const gaps = database.prepare('DELETE FROM gaps WHERE ended_at < ?').run(before)
    return calls + Number(connects.changes) + Number(gaps.changes)
  })
}

function deleteOldest(database: DatabaseSync): number {
  return inTransaction(database, () => {
    const calls = deleteCalls(database, "status <> 'in_progress' ORDER BY seq LIMIT ?", [BATCH])
    const connects = database
      .prepare('DELETE FROM connects WHERE seq IN (SELECT seq FROM connects ORDER BY seq LIMIT ?)')
      .run(BATCH)
    return calls + Number(connects.changes)
  })
}

function deleteCalls(database: DatabaseSync, where: string, values: readonly number[]): number {
  const rows = database.prepare(`SELECT seq FROM interceptions WHERE ${where}`).all(...values)
  const chosen = JSON.stringify(rows.map(row => Number(row['seq'])))
  for (const table of CHILDREN) {
    database
      .prepare(`DELETE FROM ${table} WHERE interception IN (SELECT value FROM json_each(?))`)
      .run(chosen)
  }
  const { changes } = database
    .prepare('DELETE FROM interceptions WHERE seq IN (SELECT value FROM json_each(?))')
    .run(chosen)
  return Number(changes)
}

function usedBytes(database: DatabaseSync): number {
  const pragma = (name: string): number =>
    Number(database.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0)
  return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size')
}

function inTransaction(database: DatabaseSync, action: () => number): number {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = action()
    database.exec('COMMIT')
    return result
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}
