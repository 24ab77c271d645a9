import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  connectEnded,
  ended,
  intent,
  openRecorder,
  pick,
  request,
  response,
} from './books-support.ts'

test('a call is on disk when begin resolves, and nothing else is needed for it', async t => {
  const { recorder, rows } = await openRecorder(t)
  const call = intent({ sessionId: 'session-7' })
  await recorder.begin(call)
  const [row] = rows('SELECT * FROM interceptions')
  assert.equal(row?.['id'], call.callId)
  assert.equal(row?.['status'], 'in_progress')
  assert.equal(row?.['usage_complete'], null)
  assert.equal(row?.['session_id'], 'session-7')
})

test('a whole call is one row with its tokens, prompt, tools and thoughts', async t => {
  const { recorder, rows } = await openRecorder(t)
  const call = intent()
  await recorder.begin(call)
  recorder.request(call.callId, request({ prompt: 'list the files' }))
  const tool = { callId: 'toolu_1', name: 'Bash', input: '{"command":"ls"}', serverUrl: null }
  const thought = { content: 'I should look', source: 'thinking' } as const
  recorder.response(call.callId, response({ tools: [tool], thoughts: [thought] }))
  recorder.finish(ended(call))
  await recorder.flush()

  const [row] = rows('SELECT * FROM interceptions')
  assert.equal(row?.['status'], 'completed')
  assert.equal(row?.['model'], 'claude-opus-5')
  assert.equal(row?.['streaming'], 1)
  assert.equal(row?.['usage_complete'], 1)
  assert.equal(row?.['usage_note'], null)
  assert.deepEqual(
    pick(row, 'bytes_up', 'bytes_down', 'first_byte_ms', 'duration_ms'),
    [100, 200, 12, 1500],
  )
  assert.equal(row?.['ended_at'], call.at + 1500)

  const [token] = rows('SELECT * FROM token_usages')
  assert.deepEqual(pick(token, 'input', 'output', 'cache_read', 'cache_write'), [10, 20, 3, 4])
  const [prompt] = rows('SELECT * FROM user_prompts')
  assert.deepEqual(pick(prompt, 'prompt', 'response_id'), ['list the files', 'msg_1'])
  const [used] = rows('SELECT * FROM tool_usages')
  assert.deepEqual(pick(used, 'tool', 'tool_call_id', 'input'), [
    'Bash',
    'toolu_1',
    '{"command":"ls"}',
  ])
  const [seen] = rows('SELECT * FROM model_thoughts')
  assert.deepEqual(pick(seen, 'content', 'source'), ['I should look', 'thinking'])
})

const outcomes = [
  {
    what: 'a call that the client gave up, with what was seen of its usage',
    end: { outcome: 'aborted' },
    facts: [response({ usageNote: 'partial' })],
    row: ['aborted', null, 0, 'partial'],
    tokens: 1,
  },
  {
    what: 'a call without usage: unknown, never 0',
    end: {},
    facts: [response({ usage: null, usageNote: 'missing' })],
    row: ['completed', null, 0, 'missing'],
    tokens: 0,
  },
  {
    what: 'an answer that could not be read',
    end: {},
    facts: [response({ usage: null, usageNote: 'unparsed' })],
    row: ['completed', null, 0, 'unparsed'],
    tokens: 0,
  },
  {
    what: 'a call with no word about its answer',
    end: {},
    facts: [],
    row: ['completed', null, 0, 'missing'],
    tokens: 0,
  },
  {
    what: 'an error of the provider, which nobody bills',
    end: { status: 429 },
    facts: [response({ usage: null, usageNote: 'missing', errorType: 'rate_limit_error' })],
    row: ['failed', 'rate_limited', 1, null],
    tokens: 0,
  },
  {
    what: 'an error inside a stream that began well',
    end: {},
    facts: [response({ usageNote: 'partial', errorType: 'overloaded_error' })],
    row: ['failed', 'overloaded', 0, 'partial'],
    tokens: 1,
  },
  {
    what: 'a provider that broke off when it had the whole request',
    end: { outcome: 'failed', reason: 'provider_broken', status: 502, firstByteMs: undefined },
    facts: [],
    row: ['failed', 'server_error', 0, 'missing'],
    tokens: 0,
  },
  {
    what: 'a client that left before its request was out, which nobody bills',
    end: { outcome: 'aborted', status: 400, firstByteMs: undefined, isOut: false },
    facts: [],
    row: ['aborted', 'bad_request', 1, null],
    tokens: 0,
  },
  {
    what: 'a pass-through, of which no usage is expected',
    end: { kind: 'passthrough' },
    facts: [],
    row: ['completed', null, null, null],
    tokens: 0,
  },
] as const

for (const { what, end, facts, row: expected, tokens } of outcomes) {
  test(`the books tell of ${what}`, async t => {
    const { recorder, rows } = await openRecorder(t)
    const call = intent()
    await recorder.begin(call)
    for (const seen of facts) recorder.response(call.callId, seen)
    recorder.finish(ended(call, end))
    await recorder.flush()
    const [row] = rows('SELECT * FROM interceptions')
    assert.deepEqual(
      ['status', 'error_type', 'usage_complete', 'usage_note'].map(name => row?.[name]),
      expected,
    )
    assert.equal(rows('SELECT * FROM token_usages').length, tokens)
  })
}

test('an answer that is read after the call ended still counts', async t => {
  const { recorder, rows } = await openRecorder(t)
  const call = intent()
  await recorder.begin(call)
  recorder.finish(ended(call))
  await recorder.flush()
  recorder.response(call.callId, response())
  await recorder.flush()
  const [row] = rows('SELECT usage_complete, usage_note, status FROM interceptions')
  assert.deepEqual({ ...row }, { usage_complete: 1, usage_note: null, status: 'completed' })
})

test('a WebSocket has one token record for each answer', async t => {
  const { recorder, rows } = await openRecorder(t)
  const call = intent({ kind: 'websocket' })
  await recorder.begin(call)
  for (const id of ['resp_1', 'resp_2', 'resp_3']) {
    recorder.request(call.callId, request({ prompt: `for ${id}` }))
    recorder.response(call.callId, response({ responseId: id }))
  }
  recorder.finish(ended(call, { status: 101 }))
  await recorder.flush()
  const tokens = rows('SELECT response_id FROM token_usages ORDER BY position')
  assert.deepEqual(
    tokens.map(row => row['response_id']),
    ['resp_1', 'resp_2', 'resp_3'],
  )
  const prompts = rows('SELECT prompt, response_id FROM user_prompts ORDER BY position')
  assert.deepEqual(
    prompts.map(row => row['prompt']),
    prompts.map(row => `for ${String(row['response_id'])}`),
  )
})

test('a call that was refused before it began has a row, too', async t => {
  const { recorder, rows } = await openRecorder(t)
  const call = intent()
  recorder.finish(ended(call, { outcome: 'refused', reason: 'no_credential', status: 401 }))
  await recorder.flush()
  const [row] = rows('SELECT * FROM interceptions')
  assert.deepEqual(
    ['id', 'status', 'reason', 'error_type', 'usage_complete'].map(name => row?.[name]),
    [call.callId, 'failed', 'no_credential', 'unauthorized', 1],
  )
})

test('every CONNECT is on record with caller, bytes, duration and reason', async t => {
  const { recorder, rows } = await openRecorder(t)
  recorder.connect(connectEnded())
  recorder.connect(
    connectEnded({
      outcome: 'refused',
      reason: 'metadata',
      status: 403,
      target: '169.254.169.254:80',
    }),
  )
  await recorder.flush()
  const found = rows('SELECT outcome, reason, target, "user", bytes_up FROM connects ORDER BY seq')
  assert.deepEqual(
    found.map(row => ({ ...row })),
    [
      { outcome: 'tunneled', reason: null, target: 'example.com:443', user: 'ada', bytes_up: 10 },
      {
        outcome: 'refused',
        reason: 'metadata',
        target: '169.254.169.254:80',
        user: 'ada',
        bytes_up: 10,
      },
    ],
  )
})

test('a tool-call id ties calls of one user to a thread, in whatever order they are read', async t => {
  const { recorder, rows } = await openRecorder(t)
  const tool = (callId: string) => ({ callId, name: 'Read', input: '{}', serverUrl: null })
  const [first, second, third, stranger] = [intent(), intent(), intent(), intent({ user: 'eve' })]
  for (const call of [first, second, third, stranger]) await recorder.begin(call)
  recorder.request(first.callId, request())
  recorder.response(first.callId, response({ tools: [tool('toolu_1')] }))
  recorder.request(stranger.callId, request({ correlatingToolCallId: 'toolu_1' }))
  // The third is written before the answer of the second that it follows.
  recorder.request(third.callId, request({ correlatingToolCallId: 'toolu_2' }))
  recorder.request(second.callId, request({ correlatingToolCallId: 'toolu_1' }))
  recorder.response(second.callId, response({ tools: [tool('toolu_2')] }))
  await recorder.flush()

  const links = rows(
    'SELECT thread_parent_id, thread_root_id, session_id FROM interceptions ORDER BY seq',
  ).map(row => Object.values(row))
  assert.deepEqual(links, [
    [null, null, first.callId],
    [first.callId, first.callId, first.callId],
    [second.callId, first.callId, first.callId],
    [null, null, stranger.callId],
  ])
})

test('names and messages of strangers are cut and flattened, and odd numbers are none', async t => {
  const { recorder, rows } = await openRecorder(t)
  const call = intent({ userAgent: 'a\r\nb', client: 'x'.repeat(5000) })
  await recorder.begin(call)
  const hostile = `'; DROP TABLE interceptions; --\n\u0000${'m'.repeat(10_000)}`
  recorder.request(call.callId, request({ model: hostile, prompt: '\ud800 lone' }))
  const usage = { input: Number.NaN, output: -5, cacheRead: 1.6, cacheWrite: 1e300, extra: {} }
  recorder.response(call.callId, response({ usage }))
  recorder.finish(ended(call))
  await recorder.flush()
  const [row] = rows('SELECT model, user_agent, client FROM interceptions')
  assert.equal(row?.['user_agent'], 'a\\x0d\\x0ab')
  assert.equal(String(row?.['client']).length, 256)
  assert.match(String(row?.['model']), /^'; DROP TABLE interceptions; --\\x0a\\x00m+…$/)
  const [token] = rows('SELECT input, output, cache_read, cache_write FROM token_usages')
  assert.deepEqual(Object.values(token ?? {}), [null, 0, 2, Number.MAX_SAFE_INTEGER])
})

test('a loop of CONNECTs that come to nothing has few rows, which tell how many there were', async t => {
  const { recorder, rows } = await openRecorder(t)
  const refused = (target: string, user = 'ada'): void =>
    recorder.connect(connectEnded({ outcome: 'refused', reason: 'metadata', target, user }))
  for (let index = 0; index < 500; index += 1) {
    refused('169.254.169.254:80')
    refused(`10.0.0.${index}:80`)
  }
  refused('169.254.169.254:80', 'bob')
  recorder.connect(connectEnded())
  recorder.connect(connectEnded())
  await recorder[Symbol.asyncDispose]()
  const told = `SELECT "user", outcome, count(*) AS n, sum(left_out) AS more FROM connects
    GROUP BY 1, 2 ORDER BY 1, 2`
  assert.deepEqual(
    rows(told).map(row => Object.values(row)),
    [
      ['ada', 'refused', 33, 967],
      ['ada', 'tunneled', 2, 0],
      ['bob', 'refused', 1, 0],
    ],
  )
})

test('of a flood of calls that are refused at once the first are on record', async t => {
  const { recorder, rows } = await openRecorder(t)
  const refuse = (user: string, at: number): void =>
    recorder.finish(
      ended(intent({ user, at }), { outcome: 'refused', status: 400, reason: 'dot_segment' }),
    )
  for (let index = 0; index < 500; index += 1) refuse('ada', 1000 + index)
  refuse('bob', 1500)
  refuse('ada', 61_000)
  const begun = intent({ at: 61_000 })
  await recorder.begin(begun)
  recorder.finish(ended(begun))
  await recorder.flush()
  const found = rows('SELECT "user", count(*) AS n FROM interceptions GROUP BY 1 ORDER BY 1')
  assert.deepEqual(
    found.map(row => Object.values(row)),
    [
      ['ada', 62],
      ['bob', 1],
    ],
  )
})
