import { settleInstance } from './limits/settle.ts'
import { ask, change, put, type Work } from './work.ts'

/** Says that this process writes, so that others notice when it does not any more. */
export function* enterInstance(id: string, now: number): Work<void> {
  yield put(ENTER, { id, pid: process.pid, now })
}

/** The processes that write, or that have died without saying so. */
export function* otherInstances(own: string): Work<string[]> {
  const { rows } = yield ask('SELECT id FROM instances WHERE id <> :own', { own })
  return rows.map(row => String(row['id']))
}

/**
 * The end of an instance, its own or one found dead: calls that it left open
 * become `interrupted`. When they ended nobody knows, so `ended_at` stays empty.
 * @returns how many calls
 */
export function* leaveInstance(id: string): Work<number> {
  const { changes } = yield change(INTERRUPT, { id })
  yield* settleInstance(id)
  yield put('DELETE FROM instances WHERE id = :id', { id })
  return changes
}

const ENTER = `
  INSERT INTO instances (id, pid, started_at) VALUES (:id, :pid, :now) ON CONFLICT DO NOTHING`

const INTERRUPT = `
  UPDATE interceptions SET
    status = 'interrupted',
    usage_note = CASE
      WHEN kind = 'passthrough' THEN NULL
      WHEN usage_complete IS NULL THEN 'missing' ELSE usage_note END,
    usage_complete = CASE WHEN kind = 'passthrough' THEN NULL ELSE coalesce(usage_complete, 0) END
  WHERE instance = :id AND status = 'in_progress'`
