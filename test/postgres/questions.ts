import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { RecordQueries } from '../../src/kernel/records.ts'
import type { BookStore } from '../../src/record/book-store.ts'
import type { Entry } from '../../src/record/entry.ts'
import { PostgresBooks } from '../../src/record/postgres-books.ts'
import { SqliteBooks } from '../../src/record/sqlite-books.ts'
import { connectEnded, intent } from '../record/books-support.ts'
import { answers, asks, begins, ends } from '../record/entries.ts'
import { temporaryDirectory } from '../record/support.ts'
import { parsePostgresUrl, startPostgres } from '../support/postgres.ts'

describe('PostgreSQL', () => {
  const opened = new AsyncDisposableStack()
  let postgres: BookStore
  before(async () => {
    const server = opened.use(await startPostgres())
    const url = server.createDatabase()
    postgres = opened.use(new PostgresBooks({ server: parsePostgresUrl(url) }))
  })
  after(() => opened.disposeAsync())

  it('takes every entry and answers every question as SQLite does', async t => {
    await using sqlite = new SqliteBooks({ stateDir: temporaryDirectory(t) })
    const stores = [sqlite, postgres]
    for (const store of stores) {
      const { refused } = await store.commit({ entries: ENTRIES, text: 'redacted', lines: false })
      assert.deepEqual(refused, [])
    }
    for (const [question, argument] of QUESTIONS) {
      const [ours, theirs] = await Promise.all(
        stores.map(async store => withoutIds(await store.ask(question, argument as never))),
      )
      assert.deepEqual(theirs, ours, `${question} ${JSON.stringify(argument)}`)
    }
    const policy = { startedBefore: AT + 1, maxBytes: null }
    for (const store of stores) assert.equal((await store.purge(policy)).deleted, 3)
  })
})

const AT = Date.UTC(2026, 10, 20, 23, 59)
const tool = { callId: 'toolu_1', name: 'Bash', input: '{"command":"ls"}', serverUrl: null }
const thought = { content: 'I should look', source: 'thinking' } as const
const extra = { thinking: 3, details: 1 }
const FIRST = intent({ at: AT, callId: 'call-1', sessionId: 'session-1', user: 'Zoë' })
const SECOND = intent({ at: AT + 120_000, callId: 'call-2', user: 'Zoë' })
const THIRD = intent({ at: AT, callId: 'call-3', user: 'ada', provider: 'two', client: 'Codex' })
const CHARGE = {
  kind: 'day',
  period: '2026-11-20',
  limit: 5_000_000,
  resetsAt: AT + 60_000,
} as const
const LIMITS = {
  callsPerSecond: 5,
  charges: [{ ...CHARGE, scope: 'user:ada' }],
  reserve: 1_000_000,
}
const usage = { input: 10, output: null, cacheRead: 3, cacheWrite: 0, extra }

/** The second call answers the tool call of the first, and is written before it. */
const ENTRIES: readonly Entry[] = [
  begins(FIRST),
  begins(SECOND),
  begins(THIRD, LIMITS),
  asks(SECOND, { correlatingToolCallId: 'toolu_1', model: 'b-model' }),
  asks(FIRST, { prompt: 'with a key: sk-ant-api03-0123456789abcdefghij' }),
  answers(FIRST, { usage, tools: [tool], thoughts: [thought] }),
  answers(SECOND, { usageNote: 'partial', errorType: 'overloaded_error' }),
  answers(THIRD, { usage }, 1_500_000),
  ends(FIRST),
  ends(SECOND, { outcome: 'aborted' }, 2),
  ends(THIRD, { status: 429 }),
  { type: 'connect', position: 3, ended: connectEnded({ at: AT }), leftOut: 2 },
  {
    type: 'gap',
    position: 4,
    startedAt: AT + 5,
    endedAt: AT + 9,
    cause: 'x',
    calls: 1,
    records: 2,
  },
]

const ALL = { filter: {}, before: null, offset: 0, limit: 10 }
const FILTER = {
  user: 'Zoë',
  provider: 'anthropic',
  providerName: 'anthropic',
  client: 'Claude Code',
  startedAfter: AT,
  startedBefore: AT + 1000,
}
const PAGE = { filter: {}, after: null, offset: 0, limit: 10 }
const NAMES = { prefix: '', filter: {}, offset: 0, limit: 10 }
const THREADS = { sessionId: 'session-1', user: 'Zoë', after: null, before: null, limit: 10 }

const QUESTIONS: readonly (readonly [keyof RecordQueries, unknown])[] = [
  ['countCalls', {}],
  ['countCalls', FILTER],
  ['calls', ALL],
  ['calls', { ...ALL, filter: FILTER, before: 3 }],
  ['findCall', { id: 'call-2', user: 'Zoë' }],
  ['findCall', { id: 'call-2', user: 'ada' }],
  ['countSessions', {}],
  ['sessions', PAGE],
  ['sessions', { ...PAGE, after: 'session-1', filter: { user: 'Zoë' } }],
  ['sessions', { ...PAGE, after: 'no such session' }],
  ['session', { id: 'call-1', user: null }],
  ['session', { id: 'session-1', user: 'Zoë' }],
  ['threads', THREADS],
  ['threads', { ...THREADS, after: 'call-1' }],
  ['threads', { ...THREADS, before: 'call-1' }],
  ['names', { ...NAMES, of: 'user' }],
  ['names', { ...NAMES, of: 'model', prefix: 'b-' }],
  ['names', { ...NAMES, of: 'client', filter: { user: 'ada' } }],
  ['budgets', { now: AT }],
  ...(['user', 'model', 'provider', 'client', 'day'] as const).map(
    by => ['usage', { filter: {}, by }] as const,
  ),
]

/** Details get an id when they are written. */
function withoutIds(answer: unknown): unknown {
  const uuid = /"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}"/g
  return JSON.parse(JSON.stringify(answer).replace(uuid, '"some id"'))
}
