import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { RecordBudget } from '../../src/kernel/idle-records.ts'

const MIB = 1024 * 1024
const CHECK_MS = 500

/** What TLS 1.2 and TLS 1.3 put about a record. */
const FRAMINGS = [29, 22]
const KEY_UPDATE = 27

const NOTHING = { bytesRead: 0, bytesWritten: 0 }

/** A second of a connection: records in either direction, each carrying so many bytes. */
interface Second {
  readonly read?: number
  readonly reads?: number
  readonly written?: number
  readonly writes?: number
  readonly keyUpdates?: number
}

/** Seconds until it is ended; undefined when it is not. */
function endedAfter(seconds: number, each: Second, framing = 22): number | undefined {
  const budget = new RecordBudget(NOTHING, 0)
  const { read = 0, reads = 0, written = 0, writes = 0, keyUpdates = 0 } = each
  for (let now = CHECK_MS; now <= seconds * 1000; now += CHECK_MS) {
    const part = now / 1000
    const raw = {
      bytesRead: part * (reads * (read + framing) + keyUpdates * KEY_UPDATE),
      bytesWritten: part * (writes * (written + framing) + keyUpdates * KEY_UPDATE),
    }
    const secure = { bytesRead: part * reads * read, bytesWritten: part * writes * written }
    if (!budget.allows({ raw, secure }, now)) return now / 1000
  }
  return undefined
}

describe('records of TLS', () => {
  for (const framing of FRAMINGS) {
    it(`may carry one byte each, 30,000 a second for an hour (${framing} about each)`, () => {
      assert.equal(endedAfter(3600, { read: 1, reads: 30_000 }, framing), undefined)
    })

    it(`may carry one byte each, as fast as a client writes them (${framing} about each)`, () => {
      assert.equal(endedAfter(2, { read: 1, reads: 140_000 }, framing), undefined)
    })
  }

  it('may bring frames of a WebSocket that hold a character, and echo them', () => {
    const frames = { read: 7, reads: 45_000, written: 3, writes: 45_000 }
    assert.equal(endedAfter(600, frames), undefined)
  })

  it('may carry much in either direction, answered by little', () => {
    assert.equal(endedAfter(600, { read: 16_384, reads: 60_000 }), undefined)
    const down = { written: 16_384, writes: 60_000, read: 13, reads: 20_000 }
    assert.equal(endedAfter(600, down), undefined)
  })

  it('are no matter of what the connection carried before them', () => {
    const before = { bytesRead: 1000 * MIB, bytesWritten: 1000 * MIB }
    const budget = new RecordBudget(before, 0)
    assert.ok(budget.allows({ raw: before, secure: NOTHING }, CHECK_MS))
    const raw = { bytesRead: 1002 * MIB, bytesWritten: 1000 * MIB }
    assert.ok(!budget.allows({ raw, secure: NOTHING }, 2 * CHECK_MS))
  })

  it('end a connection that they carry nothing for, whatever it was before', () => {
    const once = new RecordBudget(NOTHING, 0)
    const before = { bytesRead: 1000 * MIB, bytesWritten: 1000 * MIB }
    assert.ok(once.allows({ raw: before, secure: before }, CHECK_MS))
    const raw = { bytesRead: 1002 * MIB, bytesWritten: 1002 * MIB }
    assert.ok(!once.allows({ raw, secure: before }, 2 * CHECK_MS))
  })

  it('end a connection of key updates, with or without a call beside', () => {
    assert.equal(endedAfter(3600, { keyUpdates: 10 }), undefined)
    assert.equal(endedAfter(600, { keyUpdates: 1000 }), 5)
    assert.equal(endedAfter(2, { keyUpdates: 50_000 }), CHECK_MS / 1000)
    const beside = { keyUpdates: 50_000, read: 100, reads: 100, written: 100, writes: 100 }
    assert.equal(endedAfter(2, beside), CHECK_MS / 1000)
  })

  it('end a connection of small ones that no client could have written', () => {
    assert.equal(endedAfter(2, { read: 1, reads: 1_000_000 }), CHECK_MS / 1000)
  })
})

describe('records of TLS that carry something', () => {
  const SECOND = fc.record({
    framing: fc.constantFrom(...FRAMINGS),
    read: fc.integer({ min: 1, max: 16_384 }),
    reads: fc.nat({ max: 35_000 }),
    written: fc.integer({ min: 1, max: 16_384 }),
    writes: fc.nat({ max: 100_000 }),
    pause: fc.nat({ max: 100 }),
  })

  it('never end a connection, in whatever bursts and pauses they come', () => {
    fc.assert(
      fc.property(fc.array(SECOND, { maxLength: 200 }), seconds => {
        const budget = new RecordBudget(NOTHING, 0)
        const raw = { bytesRead: 0, bytesWritten: 0 }
        const secure = { bytesRead: 0, bytesWritten: 0 }
        let now = 0
        for (const { framing, read, reads, written, writes, pause } of seconds) {
          now += 1000 + pause * 1000
          secure.bytesRead += reads * read
          secure.bytesWritten += writes * written
          raw.bytesRead += reads * (read + framing)
          raw.bytesWritten += writes * (written + framing)
          assert.ok(budget.allows({ raw, secure }, now))
        }
      }),
    )
  })
})
