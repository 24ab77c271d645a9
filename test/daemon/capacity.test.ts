import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  createMemoryCheck,
  fitOpenFiles,
  openFilesLimit,
  remembered,
} from '../../src/daemon/capacity.ts'
import type { Limits } from '../../src/kernel/limits.ts'

const LIMITS = { connections: 8192, unauthenticatedConnections: 1024 } as Limits

function fit(openFiles: number | undefined): readonly number[] {
  const { connections, unauthenticatedConnections } = fitOpenFiles(LIMITS, openFiles)
  return [connections, unauthenticatedConnections]
}

describe('the limits of connections', () => {
  it('stay as configured where there are descriptors enough, or nobody says how many', () => {
    assert.deepEqual(fit(65_536), [8192, 1024])
    assert.deepEqual(fit(undefined), [8192, 1024])
  })

  it('shrink so that two descriptors are left for each connection', () => {
    assert.deepEqual(fit(1024), [360, 120])
    assert.deepEqual(fit(128), [24, 8])
    assert.deepEqual(fit(10), [1, 1])
  })

  it('are read from what the system says', () => {
    assert.equal(
      openFilesLimit(() => 'Max open files            1024   4096   files \n'),
      1024,
    )
    assert.equal(
      openFilesLimit(() => undefined),
      undefined,
    )
    assert.equal(
      openFilesLimit(() => 'Max open files   unlimited unlimited files'),
      undefined,
    )
    assert.ok(Number(openFilesLimit()) > 0)
  })
})

describe('the memory check', () => {
  /** A check that reads `memory.resident` anew each time. */
  const checkOf = (memory: { resident: number }) =>
    createMemoryCheck(
      () => 100,
      () => memory.resident,
    )

  it('says when resident memory is at its bound', () => {
    const memory = { resident: 99 }
    const isExhausted = checkOf(memory)
    assert.equal(isExhausted(8), false)
    memory.resident = 100
    assert.equal(isExhausted(8), true)
  })

  it('lets half as many in again when they have gone, though the system has nothing back', () => {
    const memory = { resident: 100 }
    const isExhausted = checkOf(memory)
    assert.deepEqual([8, 4, 3, 0].map(isExhausted), [true, true, false, false])
    memory.resident = 110
    assert.deepEqual([3, 2, 1, 0].map(isExhausted), [true, true, false, false])
    memory.resident = 99
    assert.equal(isExhausted(8), false)
    memory.resident = 100
    assert.deepEqual([8, 4, 3].map(isExhausted), [true, true, false])
  })
})

it('asks the system at most four times a second', () => {
  let reads = 0
  const read = remembered(() => (reads += 1))
  for (let i = 0; i < 1000; i += 1) read()
  assert.ok(reads < 10, `${reads}`)
})
