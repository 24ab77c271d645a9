import type { DatabaseSync } from 'node:sqlite'
import { forgetInstance, isDead } from './instance-lock.ts'

/** Says that this process writes, so that others notice when it does not any more. */
export function enterInstance(database: DatabaseSync, id: string): void {
  database
    .prepare('INSERT INTO instances (id, pid, started_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
    .run(id, process.pid, Date.now())
}

/**
 * Calls that a dead process left open become `interrupted`. When they ended
 * nobody knows, so `ended_at` stays empty.
 * @returns how many calls
 */
export function closeDeadInstances(database: DatabaseSync, stateDir: string, own: string): number {
  const others = database.prepare('SELECT id FROM instances WHERE id <> ?').all(own)
  let closed = 0
  for (const other of others) {
    const id = String(other['id'])
    if (!isDead(stateDir, id)) continue
    closed += leaveInstance(database, id)
    forgetInstance(stateDir, id)
  }
  return closed
}

/** The end of an instance, its own or one found dead. */
export function leaveInstance(database: DatabaseSync, id: string): number {
  database.exec('BEGIN IMMEDIATE')
  try {
    const { changes } = database.prepare(INTERRUPT).run(id)
    database.prepare('DELETE FROM instances WHERE id = ?').run(id)
    database.exec('COMMIT')
    return Number(changes)
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

const INTERRUPT = `
  UPDATE interceptions SET
    status = 'interrupted',
    usage_note = CASE
      WHEN kind = 'passthrough' THEN NULL
      WHEN usage_complete IS NULL THEN 'missing' ELSE usage_note END,
    usage_complete = CASE WHEN kind = 'passthrough' THEN NULL ELSE coalesce(usage_complete, 0) END
  WHERE instance = ? AND status = 'in_progress'`
