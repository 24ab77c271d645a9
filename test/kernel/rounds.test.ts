import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inRounds } from '../../src/kernel/rounds.ts'

// Rounds live as long as the process: nobody else has these periods.
const PERIOD_MS = 110
const OTHER_MS = 130

test('everyone is looked at once in each period, however many there are', t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  using ends = new DisposableStack()
  const looks = Array.from({ length: 25 }, () => 0)
  for (const who of looks.keys()) {
    ends.use(inRounds(PERIOD_MS, () => (looks[who] = (looks[who] ?? 0) + 1)))
    t.mock.timers.tick(PERIOD_MS / 10)
  }
  const before = [...looks]
  t.mock.timers.tick(4 * PERIOD_MS)

  assert.deepEqual(
    looks,
    before.map(count => count + 4),
  )
})

test('nobody is looked at after the end, and those who stay are', t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const seen: string[] = []
  const first = inRounds(OTHER_MS, () => seen.push('first'))
  const second = inRounds(OTHER_MS, () => {
    seen.push('second')
    second[Symbol.dispose]()
  })
  t.mock.timers.tick(3 * OTHER_MS)
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  t.mock.timers.tick(3 * OTHER_MS)
  assert.deepEqual(seen, ['first', 'second', 'first', 'first'])

  using _again = inRounds(OTHER_MS, () => seen.push('again'))
  t.mock.timers.tick(OTHER_MS)
  assert.deepEqual(seen.slice(4), ['again'])
})
