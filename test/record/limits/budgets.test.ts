import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CallLimits, Charge } from '../../../src/kernel/budget.ts'
import { Refusal } from '../../../src/kernel/error.ts'
import type { Retrieved } from '../../../src/record/book-store.ts'
import type { Recorder } from '../../../src/record/recorder.ts'
import {
  books,
  ended,
  intent,
  type OpenedRecorder,
  openRecorder,
  request,
  response,
} from '../books-support.ts'
import { temporaryDirectory } from '../support.ts'

const RESETS_AT = Date.now() + 86_400_000

/** A purse of 100, of which a call holds 10. */
function purse(change: Partial<Charge> = {}): CallLimits {
  const charge: Charge = {
    scope: 'user:ada',
    kind: 'day',
    period: 'today',
    resetsAt: RESETS_AT,
    limit: 100,
    ...change,
  }
  return { callsPerSecond: 0, charges: [charge], reserve: 10 }
}

async function denialOf(begun: Promise<void>): Promise<Refusal> {
  const error: unknown = await begun.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof Refusal, 'the call was begun')
  return error
}

/** `scope spent reserved calls` of every purse. */
function purses({ rows }: OpenedRecorder): string[] {
  return rows('SELECT scope, spent, reserved, calls FROM budget_purses ORDER BY scope').map(row =>
    Object.values(row).join(' '),
  )
}

/** One call from beginning to end, with answers of these costs. */
async function callOf(recorder: Recorder, costs: readonly (number | null)[]): Promise<void> {
  const call = intent()
  await recorder.begin(call, purse())
  for (const cost of costs) recorder.response(call.callId, response(), cost)
  recorder.finish(ended(call))
}

test('a budget lets calls begin while anything is left, and says until when it does not', async t => {
  const opened = await openRecorder(t)
  const { recorder, rows } = opened
  await callOf(recorder, [60])
  await callOf(recorder, [70])
  await recorder.flush()
  assert.deepEqual(purses(opened), ['user:ada 130 0 2'])

  const call = intent()
  const refusal = await denialOf(recorder.begin(call, purse()))
  assert.equal(refusal.reason, 'budget_exhausted')
  assert.equal(refusal.retryAt, RESETS_AT)
  assert.match(refusal.told ?? '', /^Yours for this day starts again at \d{4}-.*Z\.$/)
  assert.deepEqual(rows(`SELECT id FROM interceptions WHERE id = '${call.callId}'`), [])

  recorder.finish(
    ended(call, { outcome: 'refused', status: 429, reason: 'budget_exhausted', bytesDown: 0 }),
  )
  await recorder.flush()
  const [row] = rows(`SELECT status, reason FROM interceptions WHERE id = '${call.callId}'`)
  assert.deepEqual({ ...row }, { status: 'failed', reason: 'budget_exhausted' })
  assert.deepEqual(purses(opened), ['user:ada 130 0 2'])
})

test('calls that begin at once, in two daemons, hold what they may cost', async t => {
  const stateDir = temporaryDirectory(t)
  const daemons = [await openRecorder(t, { stateDir }), await openRecorder(t, { stateDir })]
  const begun = await Promise.allSettled(
    daemons.flatMap(({ recorder }) =>
      Array.from({ length: 50 }, () => recorder.begin(intent(), purse())),
    ),
  )
  assert.equal(begun.filter(({ status }) => status === 'fulfilled').length, 10)
  assert.deepEqual(purses(daemons[0]!), ['user:ada 0 100 0'])
})

test('what calls in flight hold is given back soon, so the wait is short', async t => {
  const { recorder } = await openRecorder(t)
  await Promise.all(Array.from({ length: 10 }, () => recorder.begin(intent(), purse())))
  const call = intent()
  const refusal = await denialOf(recorder.begin(call, purse()))
  assert.equal(refusal.retryAt, call.at + 5000)
  assert.equal(refusal.told, 'Calls in flight hold the rest of yours for this day.')
})

test('each purse of a call is paid, and any of them stops it', async t => {
  const opened = await openRecorder(t)
  const { recorder } = opened
  const group = purse({ scope: 'group:research', limit: 50 })
  const limits = { ...group, charges: [...group.charges, ...purse().charges] }
  const call = intent()
  await recorder.begin(call, limits)
  recorder.finish(ended(call))
  const grace = intent({ user: 'grace' })
  await recorder.begin(grace, group)
  recorder.response(grace.callId, response(), 45)
  recorder.finish(ended(grace))
  await recorder.flush()
  assert.deepEqual(purses(opened), ['group:research 55 0 2', 'user:ada 10 0 1'])
  const refusal = await denialOf(recorder.begin(intent(), limits))
  assert.match(refusal.told ?? '', /^That of the group research for this day starts again at /)
})

test('a call that breaks off pays what it held, one that nobody billed pays nothing', async t => {
  const opened = await openRecorder(t)
  const { recorder } = opened
  const broken = intent()
  await recorder.begin(broken, purse())
  recorder.response(broken.callId, response({ usageNote: 'partial' }), 3)
  recorder.finish(ended(broken, { outcome: 'aborted' }))
  await callOf(recorder, [])
  await callOf(recorder, [null])
  await recorder.flush()
  assert.deepEqual(purses(opened), ['user:ada 30 0 3'])

  const failed = intent()
  await recorder.begin(failed, purse())
  recorder.response(failed.callId, response({ usage: null, errorType: 'overloaded_error' }), null)
  recorder.finish(ended(failed, { status: 529 }))
  const unreachable = intent()
  await recorder.begin(unreachable, purse())
  recorder.finish(
    ended(unreachable, { status: 502, outcome: 'failed', reason: 'provider_unreachable' }),
  )
  await recorder.flush()
  assert.deepEqual(purses(opened), ['user:ada 30 0 3'])
})

test('a call that asks again is judged again, and what was answered before is paid whatever follows', async t => {
  const opened = await openRecorder(t)
  const { recorder } = opened
  const call = intent()
  await recorder.begin(call, purse({ limit: 50 }))
  recorder.response(call.callId, response(), 20)
  await recorder.askAgain(call.callId)
  assert.deepEqual(purses(opened), ['user:ada 20 10 0'])
  // Without a price it takes what was held; an error that nobody can read takes nothing.
  recorder.response(call.callId, response(), null)
  await recorder.askAgain(call.callId)
  recorder.response(call.callId, response({ usage: null }), null)
  await recorder.flush()
  assert.deepEqual(purses(opened), ['user:ada 30 10 0'])

  await recorder.askAgain(call.callId)
  recorder.response(call.callId, response(), 20)
  const refusal = await denialOf(recorder.askAgain(call.callId))
  assert.equal(refusal.reason, 'budget_exhausted')
  recorder.finish(ended(call, { outcome: 'refused', status: 429, reason: 'budget_exhausted' }))
  await recorder.flush()
  assert.deepEqual(purses(opened), ['user:ada 50 0 1'])
})

test('a call that asked again pays what it holds when nothing is told of that answer', async t => {
  const stateDir = temporaryDirectory(t)
  const dying = await openRecorder(t, { stateDir })
  const [call, other] = [intent(), intent()]
  await dying.recorder.begin(call, purse({ limit: 30 }))
  dying.recorder.response(call.callId, response(), 5)
  await dying.recorder.askAgain(call.callId)
  await dying.recorder.askAgain(call.callId)
  assert.deepEqual(purses(dying), ['user:ada 15 10 0'])
  // Its own share does not stand in its way, that of others does.
  await dying.recorder.begin(other, purse({ limit: 30 }))
  const refusal = await denialOf(dying.recorder.askAgain(call.callId))
  assert.match(refusal.told ?? '', /^Calls in flight hold the rest/)
  await dying.recorder[Symbol.asyncDispose]()
  assert.deepEqual(purses(dying), ['user:ada 35 0 2'])
})

test('an answer that uses up a budget is told to its call, and only to that', async t => {
  const { recorder } = await openRecorder(t)
  const told: string[] = []
  const [socket, other] = [intent({ kind: 'websocket' }), intent()]
  const { promise: heard, resolve } = Promise.withResolvers<void>()
  await recorder.begin(other, purse(), () => told.push('other'))
  await recorder.begin(socket, purse(), () => {
    told.push('socket')
    resolve()
  })
  recorder.response(socket.callId, response(), 50)
  await recorder.flush()
  assert.deepEqual(told, [])
  recorder.response(socket.callId, response(), 60)
  await heard
  assert.deepEqual(told, ['socket'])
})

test('a call holds what one answer costs, however many a WebSocket had', async t => {
  const opened = await openRecorder(t)
  const { recorder } = opened
  const call = intent({ kind: 'websocket' })
  await recorder.begin(call, purse())
  recorder.request(call.callId, request())
  for (let answer = 0; answer < 4; answer += 1) recorder.response(call.callId, response(), 12)
  recorder.finish(ended(call, { status: 101 }))
  await recorder.flush()
  await recorder.begin(intent(), purse())
  assert.deepEqual(purses(opened), ['user:ada 48 12 1'])
})

test('a WebSocket on which nothing was asked costs nothing, whatever else it carried', async t => {
  const opened = await openRecorder(t)
  const { recorder, rows } = opened
  const socketOf = async (isAsked: boolean): Promise<void> => {
    const call = intent({ kind: 'websocket' })
    await recorder.begin(call, purse())
    if (isAsked) recorder.request(call.callId, request())
    recorder.finish(ended(call, { status: 101, bytesUp: 8 }))
    await recorder.flush()
  }
  await socketOf(false)
  assert.deepEqual(purses(opened), ['user:ada 0 0 0'])
  await socketOf(true)
  assert.deepEqual(purses(opened), ['user:ada 10 0 1'])
  const notes = rows('SELECT usage_note FROM interceptions ORDER BY seq')
  assert.deepEqual(
    notes.flatMap(row => Object.values(row)),
    [null, 'missing'],
  )
})

test('calls of a process that ends pay what they held unless they were answered', async t => {
  const stateDir = temporaryDirectory(t)
  const dying = await openRecorder(t, { stateDir })
  await dying.recorder.begin(intent(), purse())
  const answered = intent()
  await dying.recorder.begin(answered, purse())
  dying.recorder.response(answered.callId, response(), 25)
  await dying.recorder[Symbol.asyncDispose]()
  assert.deepEqual(purses(dying), ['user:ada 35 0 2'])
})

test('daemons share the rate of a caller', async t => {
  const stateDir = temporaryDirectory(t)
  const daemons = [await openRecorder(t, { stateDir }), await openRecorder(t, { stateDir })]
  const limits = { callsPerSecond: 5, charges: [], reserve: 0 }
  const at = Date.now()
  const begun = await Promise.allSettled(
    daemons.flatMap(({ recorder }) =>
      Array.from({ length: 20 }, () => recorder.begin(intent({ at }), limits)),
    ),
  )
  assert.equal(begun.filter(({ status }) => status === 'fulfilled').length, 5)
})

test('a flood of calls beyond the rate is refused from memory and not written down', async t => {
  const { recorder, rows } = await openRecorder(t)
  const limits = { callsPerSecond: 2, charges: [], reserve: 0 }
  const at = Date.now()
  await Promise.all([1, 2].map(() => recorder.begin(intent({ at }), limits)))
  const refuse = async (): Promise<Refusal> => {
    const call = intent({ at })
    const refusal = await denialOf(recorder.begin(call, limits))
    recorder.finish(ended(call, { outcome: 'refused', status: 429, reason: 'rate_limited' }))
    return refusal
  }
  const refusal = await refuse()
  assert.deepEqual(
    [refusal.reason, refusal.retryAt, refusal.limit],
    ['rate_limited', at + 500, { policy: 'calls', quota: 2, windowMs: 1000 }],
  )
  for (let index = 0; index < 100; index += 1) await refuse()
  await recorder.flush()
  assert.equal(rows("SELECT id FROM interceptions WHERE reason = 'rate_limited'").length, 1)
  await recorder.begin(intent({ at, user: 'grace' }), limits)
  await recorder.begin(intent({ at: at + 500 }), limits)
})

test('a caller who has not called for as long as records are kept leaves nothing behind', async t => {
  const stateDir = temporaryDirectory(t)
  const { recorder, rows } = await openRecorder(t, { stateDir })
  const limits = { callsPerSecond: 5, charges: [], reserve: 0 }
  const now = Date.now()
  await recorder.begin(intent({ user: 'ada', at: now - 2000 }), limits)
  await recorder.begin(intent({ user: 'grace', at: now }), limits)
  await using store = books.placeOf(stateDir).openStore({})
  await store.purge({ startedBefore: now - 1000, maxBytes: null })
  assert.deepEqual(
    rows('SELECT caller FROM rate_limits').map(({ caller }) => caller),
    ['grace'],
  )
})

test('an answer in the background is paid as held, and as it cost once that is asked for, by whomever', async t => {
  const retrieved: Retrieved[] = []
  const opened = await openRecorder(t, { onRetrieved: one => retrieved.push(one) })
  const { recorder, rows } = opened
  const begin = async (responseId: string) => {
    const call = intent()
    await recorder.begin(call, purse())
    const facts = { usage: null, usageNote: 'missing', pending: true } as const
    const tools = [{ callId: 'call_1', name: 'search', input: '{}', serverUrl: null }]
    recorder.response(call.callId, response({ ...facts, responseId, tools }))
    recorder.finish(ended(call))
    await recorder.flush()
    return call.callId
  }
  const ask = async (responseId: string, costNano: number | null, change = {}) => {
    const { provider, client, billing } = ended(intent())
    const tools = ['call_1', 'call_2'].map(callId => {
      return { callId, name: 'search', input: '{}', serverUrl: null }
    })
    const facts = response({ responseId, tools, ...change })
    recorder.retrieved({ provider, client, billing, facts, costNano })
    await recorder.flush()
  }
  const first = await begin('resp_1')
  assert.deepEqual(purses(opened), ['user:ada 10 0 1'])
  await Promise.all([ask('resp_1', 3), ask('resp_1', 3), ask('resp_of_nobody', 5)])
  await ask('resp_1', 3)
  assert.deepEqual(purses(opened), ['user:ada 3 0 1'])
  assert.deepEqual(
    retrieved.map(({ callId, user }) => [callId, user]),
    [[first, 'ada']],
  )
  const all = `SELECT usage_complete, usage_note, (SELECT count(*) FROM token_usages) AS tokens,
    (SELECT count(*) FROM tool_usages) AS tools FROM interceptions`
  assert.deepEqual(
    rows(all).map(row => Object.values(row)),
    [[1, null, 1, 2]],
  )

  // Of a model without a price, and one that came to nothing.
  await begin('resp_2')
  await ask('resp_2', null)
  assert.deepEqual(purses(opened), ['user:ada 13 0 2'])
  await begin('resp_3')
  await ask('resp_3', null, { usage: null, usageNote: 'missing', errorType: 'server_error' })
  assert.deepEqual(purses(opened), ['user:ada 13 0 3'])
})
