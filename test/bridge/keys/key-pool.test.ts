import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { tryKeys } from '../../../src/bridge/keys/attempts.ts'
import { KeyPool } from '../../../src/bridge/keys/key-pool.ts'
import type { Event } from '../../../src/kernel/event.ts'
import { Memory } from '../../../src/kernel/memory.ts'
import { Secret } from '../../../src/kernel/secret.ts'

const FIRST = new Secret('sk-first-0123456789')
const SECOND = new Secret('sk-second-0123456789')
const MINUTE = 60_000

function poolOf(...keys: readonly Secret[]) {
  const time = { now: 0 }
  const events: Event[] = []
  const clock = { now: () => time.now, monotonic: () => time.now }
  const pool = new KeyPool({ provider: 'p', keys, clock, emit: event => events.push(event) })
  return { pool, clock, time, events }
}

describe('a key that is out', () => {
  it('is probed by one call after a minute, and mended by its success', () => {
    const { pool, time, events } = poolOf(FIRST, SECOND)
    pool.report(FIRST, 'unauthorised', [])
    assert.deepEqual(pool.order(true), [SECOND])
    time.now = MINUTE
    assert.deepEqual(pool.order(true), [FIRST, SECOND])
    pool.claim(FIRST)
    assert.deepEqual(pool.order(true), [SECOND], 'another call, meanwhile')
    pool.report(FIRST, 'success', [])
    assert.deepEqual(pool.order(true), [FIRST, SECOND])
    assert.deepEqual(
      events.map(event => (event.type === 'key_changed' ? [event.from, event.to] : [])),
      [
        ['ready', 'out'],
        ['out', 'ready'],
      ],
    )
  })

  it('waits twice as long after a probe that failed', () => {
    const { pool, time } = poolOf(FIRST, SECOND)
    pool.report(FIRST, 'unauthorised', [])
    time.now = MINUTE
    pool.claim(FIRST)
    pool.report(FIRST, 'unauthorised', [])
    time.now = 3 * MINUTE - 1
    assert.deepEqual(pool.order(true), [SECOND])
    time.now = 3 * MINUTE
    assert.deepEqual(pool.order(true), [FIRST, SECOND])
  })

  it('is probed by the next call when the client of one has left before its answer', async () => {
    const { pool, clock, time } = poolOf(FIRST, SECOND)
    pool.report(FIRST, 'unauthorised', [])
    time.now = MINUTE
    const left = tryKeys({
      call: { headers: [], inform: undefined, signal: AbortSignal.abort() },
      pool,
      clock,
      body: undefined,
      replays: new Memory(0),
      watch: { usesKey: () => undefined, keyRefused: () => undefined },
      send: () => Promise.reject(new Error('the client has left')),
    })
    await assert.rejects(left, /has left/)
    assert.deepEqual(pool.order(true), [FIRST, SECOND])
  })

  it('is asked by every call while it is the only one', () => {
    const { pool } = poolOf(FIRST)
    pool.report(FIRST, 'unauthorised', [])
    pool.claim(FIRST)
    assert.deepEqual(pool.order(false), [FIRST])
    assert.deepEqual(pool.counts(), { ready: 0, cooling: 0, out: 1 })
  })
})
