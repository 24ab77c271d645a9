import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { Memory, SharedMemory } from '../../src/kernel/memory.ts'

describe('memory that many share', () => {
  it('gives one alone a half, two a third each, and whoever comes next something', () => {
    const memory = new SharedMemory(1200)
    const fill = (holder: string): number => {
      while (memory.take(holder, 1));
      return memory.heldBy(holder)
    }
    assert.equal(fill('ada'), 600)
    assert.equal(fill('bob'), 300)
    memory.release('ada', 200)
    assert.equal(fill('bob'), 400)
    assert.equal(fill('eve'), 200)
  })

  it('never gives more than there is, and forgets nobody', () => {
    const step = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: -300, max: 300 }))
    fc.assert(
      fc.property(fc.array(step), steps => {
        const memory = new SharedMemory(1000)
        const held = new Map<string, number>()
        for (const [holder, change] of steps) {
          const own = held.get(holder) ?? 0
          if (change >= 0) {
            if (memory.take(holder, change)) held.set(holder, own + change)
          } else {
            memory.release(holder, Math.min(own, -change))
            held.set(holder, own - Math.min(own, -change))
          }
          const all = [...held.values()].reduce((sum, bytes) => sum + bytes, 0)
          assert.equal(memory.held, all)
          assert.equal(memory.heldBy(holder), held.get(holder) ?? 0)
          assert.ok(all <= 1000)
        }
      }),
    )
  })

  it('takes back all of a part at once', () => {
    const memory = new SharedMemory(100)
    const part = new Memory(30, memory.of('ada'))
    assert.deepEqual([part.take(20), part.take(20), part.take(10)], [true, false, true])
    assert.equal(memory.heldBy('ada'), 30)
    part.releaseAll()
    assert.equal(memory.held, 0)
  })
})
