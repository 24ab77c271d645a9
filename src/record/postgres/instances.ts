import { enterInstance, leaveInstance } from '../interrupted.ts'
import { ask, type Work } from '../work.ts'
import { LOCK_CLASS, LOCKS, lock } from './schema.ts'

/*
 * A living daemon holds a lock for as long as its connection lasts; the server
 * lets go of it when the daemon dies, so that no clock can mislead. A daemon
 * that only lost its connection may be taken for dead: the end of each of its
 * calls puts that right.
 */

/** Says that this process writes, and holds the lock by which others know it lives. */
export function* holdInstance(id: string, now: number): Work<void> {
  for (;;) {
    yield* enterInstance(id, now)
    yield ask(`SELECT pg_advisory_lock(${KEY}) FROM instances WHERE id = :id`, { id, ...CLASS })
    // Somebody may just have taken it for dead.
    const { rows } = yield ask('SELECT 1 AS one FROM instances WHERE id = :id', { id })
    if (rows.length > 0) return
  }
}

/** Inside a transaction: closes the calls of an instance that nobody holds; how many. */
export function* closeIfDead(id: string): Work<number> {
  const { rows } = yield ask(
    `SELECT pg_try_advisory_xact_lock(${KEY}) AS free FROM instances WHERE id = :id`,
    { id, ...CLASS },
  )
  if (rows[0]?.['free'] !== true) return 0
  yield* lock(LOCKS.shared)
  return yield* leaveInstance(id)
}

const KEY = 'CAST(:class AS INTEGER), lock'
const CLASS = { class: LOCK_CLASS }
