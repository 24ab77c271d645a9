import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import type { Judgement } from '../../../src/bridge/judge.ts'
import {
  claimed,
  judged,
  type KeyState,
  orderOf,
  READY,
} from '../../../src/bridge/keys/key-state.ts'
import { retryAfterMs } from '../../../src/bridge/keys/retry-after.ts'

const at = (now: number, retryAfter = 30_000) => ({ now, retryAfterMs: retryAfter })
const cooling = (until: number): KeyState => ({ kind: 'cooling', until })
const out = (
  probeAt: number,
  judgement: 'unauthorised' | 'forbidden' = 'unauthorised',
): KeyState => ({
  kind: 'out',
  judgement,
  probeAt,
  backoffMs: 60_000,
  probing: false,
})

describe('the keys for one call', () => {
  const cases: readonly (readonly [title: string, states: KeyState[], order: number[]])[] = [
    ['all in order while all are ready', [READY, READY, READY], [0, 1, 2]],
    ['none that is cooling while another is ready', [cooling(200), READY], [1]],
    ['one whose cooldown is over', [cooling(100), READY], [0, 1]],
    ['the one that cools the shortest when all do', [cooling(300), cooling(200)], [1]],
    ['one that cools before one that is out', [out(150), cooling(900)], [1]],
    ['none that is out before its time', [out(200), READY], [1]],
    ['first the one that is due for a probe', [READY, out(100)], [1, 0]],
    ['only one probe', [out(50), out(60), READY], [0, 2]],
    ['no probe when no other can take over', [out(50), cooling(200)], [1]],
    ['the one that comes due first when all are out', [out(300), out(200)], [1]],
    ['last those that were forbidden', [out(200, 'forbidden'), READY], [1, 0]],
    [
      'all that were forbidden when nothing else is left',
      [out(200, 'forbidden'), out(150, 'forbidden')],
      [1, 0],
    ],
  ]
  for (const [title, states, order] of cases) {
    it(`are ${title}`, () => assert.deepEqual(orderOf(states, 100, true), order))
  }

  it('include no probe for a call that cannot be sent again', () => {
    assert.deepEqual(orderOf([out(50), READY], 100, false), [1])
  })

  const state = fc.oneof(
    fc.constant(READY),
    fc.nat(1000).map(cooling),
    fc
      .tuple(fc.nat(1000), fc.constantFrom('unauthorised' as const, 'forbidden' as const))
      .map(([time, judgement]) => out(time, judgement)),
  )
  it('are never none, never one twice, and hold every one that is ready', () => {
    fc.assert(
      fc.property(
        fc.array(state, { minLength: 1, maxLength: 5 }),
        fc.nat(1000),
        fc.boolean(),
        (states, now, mayProbe) => {
          const order = orderOf(states, now, mayProbe)
          assert.ok(order.length > 0)
          assert.equal(new Set(order).size, order.length)
          for (const [index, one] of states.entries()) {
            const ready = one.kind === 'ready' || (one.kind === 'cooling' && one.until <= now)
            if (ready) assert.ok(order.includes(index))
          }
          const rejected = order.filter(index => {
            const one = states[index]
            return one?.kind === 'out' && one.judgement === 'unauthorised'
          })
          assert.ok(rejected.length <= 1 && (rejected.length === 0 || order[0] === rejected[0]))
        },
      ),
    )
  })
})

describe('a key', () => {
  it('cools for as long as the provider says', () => {
    assert.deepEqual(judged(READY, 'rate_limited', at(100, 5000)), cooling(5100))
    assert.deepEqual(judged(cooling(5100), 'success', at(200)), cooling(5100))
  })

  it('is out after a 401, less and less often probed, an hour at most between', () => {
    let state = judged(READY, 'unauthorised', at(0))
    const waits: number[] = []
    for (let i = 0; i < 9; i += 1) {
      assert.ok(state.kind === 'out')
      waits.push(state.backoffMs / 60_000)
      state = judged(claimed(state, state.probeAt), 'unauthorised', at(state.probeAt))
    }
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60])
  })

  it('is not out for longer because several calls met it at once', () => {
    const once = judged(READY, 'unauthorised', at(0))
    assert.deepEqual(judged(once, 'unauthorised', at(10)), once)
  })

  it('is ready again with a success, and cooling with a 429: it was let in', () => {
    const state = judged(READY, 'unauthorised', at(0))
    assert.deepEqual(judged(state, 'success', at(60_000)), READY)
    assert.equal(judged(state, 'rate_limited', at(60_000)).kind, 'cooling')
  })

  it('is not judged by what is not about it', () => {
    for (const judgement of ['outage', 'fault', 'ignored'] satisfies Judgement[]) {
      assert.equal(judged(READY, judgement, at(0)), READY)
    }
  })
})

describe('Retry-After', () => {
  const now = Date.parse('Sun, 22 Nov 2026 00:00:00 GMT')
  const cases: readonly (readonly [text: string | undefined, ms: number])[] = [
    ['17', 17_000],
    ['0.5', 500],
    ['0', 0],
    ['Sun, 22 Nov 2026 00:01:00 GMT', 60_000],
    ['Sat, 21 Nov 2026 00:00:00 GMT', 0],
    ['999999', 3_600_000],
    ['Fri, 31 Dec 2099 00:00:00 GMT', 3_600_000],
    [undefined, 30_000],
    ['', 30_000],
    ['-5', 30_000],
    ['soon', 30_000],
    ['2026-11-22', 30_000],
  ]
  for (const [text, ms] of cases) {
    it(`${text ?? 'absent'} is ${ms} ms`, () => {
      assert.equal(retryAfterMs(text === undefined ? [] : ['Retry-After', text], now), ms)
    })
  }
})
