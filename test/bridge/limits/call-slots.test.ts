import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CallSlots } from '../../../src/bridge/limits/call-slots.ts'

function start(limit: number) {
  let now = 0
  const slots = new CallSlots({ now: () => now, monotonic: () => now })
  const held = new Map<string, Disposable[]>()
  return {
    /** Whether each of these callers is let in, one after the other. */
    take: (...users: readonly string[]): boolean[] =>
      users.map(user => {
        try {
          const slot = slots.take(limit, user)
          held.set(user, [...(held.get(user) ?? []), slot])
          return true
        } catch {
          return false
        }
      }),
    end: (user: string) => held.get(user)?.pop()?.[Symbol.dispose](),
    wait: (ms: number) => {
      now += ms
    },
  }
}

test('one caller alone has all slots', () => {
  const { take } = start(3)
  assert.deepEqual(take('ada', 'ada', 'ada', 'ada'), [true, true, true, false])
})

test('what comes free is kept for who was turned away and holds less, and for nobody else', () => {
  const { take, end } = start(3)
  assert.deepEqual(take('ada', 'ada', 'ada', 'bob', 'ada'), [true, true, true, false, false])
  end('ada')
  assert.deepEqual(take('ada', 'bob'), [false, true])
  assert.deepEqual(take('bob', 'ada'), [false, false])
  end('ada')
  // Both hold one, and both wait.
  assert.deepEqual(take('ada', 'bob'), [true, false])
})

test('of several free slots one is kept for each who waits', () => {
  const { take, end } = start(3)
  assert.deepEqual(take('ada', 'ada', 'ada', 'bob', 'bob'), [true, true, true, false, false])
  end('ada')
  end('ada')
  assert.deepEqual(take('ada', 'ada', 'bob'), [true, false, true])
})

test('who does not come again is waited for no longer', () => {
  const { take, end, wait } = start(2)
  assert.deepEqual(take('ada', 'ada', 'bob'), [true, true, false])
  end('ada')
  wait(2000)
  assert.deepEqual(take('ada'), [true])
})
