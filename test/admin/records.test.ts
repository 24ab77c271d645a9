import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { Refusal } from '../../src/kernel/error.ts'
import { userId } from '../../src/kernel/user.ts'
import type { OpenedRecorder } from '../record/books-support.ts'
import { openRecorder } from '../record/books-support.ts'
import { call } from './records-support.ts'
import { ADMIN, startAdmin, USER } from './support.ts'

const API = '/api/v2/aibridge'

/** Whatever was in the text; the tests say what should be. */
type Loose = ReturnType<typeof JSON.parse>

async function bodyOf(response: Response): Promise<Loose> {
  return JSON.parse(await response.text())
}

interface World {
  readonly opened: OpenedRecorder
  readonly asAdmin: (path: string, accept?: string) => Promise<Response>
  readonly asUser: (path: string) => Promise<Response>
  /** The body that an administrator gets. */
  readonly json: (path: string) => Promise<Loose>
}

async function world(t: TestContext): Promise<World> {
  const opened = await openRecorder(t)
  const { get } = await startAdmin(t, { records: opened.recorder.ask })
  const as = (token: string) => (path: string, accept?: string) =>
    get(`${API}${path}`, {
      headers: { 'Coder-Session-Token': token, ...(accept !== undefined && { accept }) },
    })
  const asAdmin = as(ADMIN)
  return {
    opened,
    asAdmin,
    asUser: as(USER),
    json: async path => bodyOf(await asAdmin(path)),
  }
}

const ids = (list: readonly { readonly id: string }[]): string[] => list.map(({ id }) => id)

test("an interception has every field of Coder's shape", async t => {
  const { opened, json } = await world(t)
  const id = await call(opened, { prompt: 'do it', tools: ['toolu_1'], at: Date.UTC(2026, 0, 2) })
  const { count, results } = await json('/interceptions')
  assert.equal(count, 1)
  const [one] = results
  const { id: tokenId, ...token } = one.token_usages[0]
  const { id: promptId, ...prompt } = one.user_prompts[0]
  const { id: toolId, ...tool } = one.tool_usages[0]
  for (const each of [tokenId, promptId, toolId]) assert.match(each, /^[0-9a-f-]{36}$/)
  const at = token.created_at
  assert.deepEqual(
    {
      id: one.id,
      api_key_id: one.api_key_id,
      initiator: one.initiator,
      provider: one.provider,
      provider_name: one.provider_name,
      model: one.model,
      client: one.client,
      metadata: one.metadata,
      started_at: one.started_at,
      ended_at: one.ended_at,
      token,
      prompt,
      tool,
    },
    {
      id,
      api_key_id: 'token-1',
      initiator: { id: userId('ada'), username: 'ada', name: '', avatar_url: '' },
      provider: 'anthropic',
      provider_name: 'anthropic',
      model: 'claude-opus-5',
      client: 'Claude Code',
      metadata: { request_user_agent: 'claude-cli/2.1' },
      started_at: '2026-01-02T00:00:00.000Z',
      ended_at: '2026-01-02T00:00:01.500Z',
      token: {
        interception_id: id,
        provider_response_id: 'msg_1',
        model: 'claude-opus-5',
        input_tokens: 10,
        output_tokens: 20,
        cache_read_input_tokens: 3,
        cache_write_input_tokens: null,
        cost_nano_usd: null,
        metadata: { thinking: 5 },
        created_at: at,
      },
      prompt: {
        interception_id: id,
        provider_response_id: 'msg_1',
        prompt: 'do it',
        metadata: {},
        created_at: prompt.created_at,
      },
      tool: {
        interception_id: id,
        provider_response_id: 'msg_1',
        tool_call_id: 'toolu_1',
        server_url: '',
        tool: 'Bash',
        input: '{}',
        injected: false,
        invocation_error: '',
        metadata: {},
        created_at: at,
      },
    },
  )
})

test('calls are listed newest first, and open ones not at all', async t => {
  const { opened, json } = await world(t)
  const first = await call(opened, { at: Date.now() + 86_400_000 })
  const second = await call(opened)
  await call(opened, { isOpen: true })
  const { count, results } = await json('/interceptions')
  assert.equal(count, 2)
  assert.deepEqual(ids(results), [second, first])
})

test('pages by offset and by cursor cover everything once', async t => {
  const { opened, json } = await world(t)
  const all: string[] = []
  for (let i = 0; i < 7; i += 1) all.unshift(await call(opened))
  assert.deepEqual(ids((await json('/interceptions?limit=3')).results), all.slice(0, 3))
  assert.deepEqual(ids((await json('/interceptions?limit=3&offset=3')).results), all.slice(3, 6))
  const after = await json(`/interceptions?limit=3&after_id=${all[2]}`)
  assert.deepEqual(ids(after.results), all.slice(3, 6))
  assert.equal(after.count, 7)
  const last = await json(`/interceptions?after_id=${all[6]}`)
  assert.deepEqual(last.results, [])
})

test('a search picks by initiator, provider, model, client and time', async t => {
  const { opened, json } = await world(t)
  const old = await call(opened, { user: 'eve', model: 'gpt-6', at: Date.UTC(2025, 5, 1) })
  const odd = await call(opened, { client: 'My Client', provider: 'second' })
  const mine = await call(opened, { user: 'root' })
  const found = async (q: string): Promise<string[]> =>
    ids((await json(`/interceptions?q=${encodeURIComponent(q)}`)).results)
  assert.deepEqual(await found('initiator:eve'), [old])
  assert.deepEqual(await found(`initiator:${userId('eve')}`), [old])
  assert.deepEqual(await found('initiator:me'), [mine])
  assert.deepEqual(await found('initiator:nobody'), [])
  assert.deepEqual(await found(`initiator:${userId('nobody')}`), [])
  assert.deepEqual(await found('model:gpt-6'), [old])
  assert.deepEqual(await found('client:"My Client"'), [odd])
  assert.deepEqual(await found('provider:second'), [odd])
  assert.deepEqual(await found('provider_name:second'), [odd])
  assert.deepEqual(await found('provider:anthropic'), [mine, odd, old])
  assert.deepEqual(await found('started_before:"2025-12-31T00:00:00Z"'), [old])
  assert.deepEqual(await found('started_after:2026-01-01T00:00:00+02:00 initiator:root'), [mine])
  assert.deepEqual(await found(`model:"' OR 1=1 --"`), [])
})

test('a user sees only their own records, whatever they ask for', async t => {
  const { opened, asUser } = await world(t)
  const own = await call(opened, { user: 'ada', session: 's-ada' })
  const other = await call(opened, {
    user: 'eve',
    session: 's-eve',
    model: 'secret-model',
    client: 'Zed',
  })
  const json = async (path: string): Promise<Loose> => bodyOf(await asUser(path))
  assert.deepEqual(ids((await json('/interceptions')).results), [own])
  assert.equal((await json('/interceptions')).count, 1)
  assert.deepEqual((await json('/interceptions?q=initiator:eve')).results, [])
  assert.equal((await asUser(`/interceptions?after_id=${other}`)).status, 400)
  assert.deepEqual(ids((await json('/sessions')).sessions), ['s-ada'])
  assert.equal((await asUser('/sessions/s-eve')).status, 404)
  assert.deepEqual(await json('/models'), ['claude-opus-5'])
  assert.deepEqual(await json('/clients'), ['Claude Code'])
  const lines = await (await asUser('/interceptions/export')).text()
  assert.equal(lines.trim().split('\n').length, 1)
  assert.equal(lines.includes(other), false)
})

test('sessions are grouped by their id and user, the latest activity first', async t => {
  const { opened, json } = await world(t)
  await call(opened, { session: 's1', prompt: 'first' })
  await call(opened, { session: 's2', user: 'eve' })
  await call(opened, { session: 's1', model: 'claude-haiku-5', prompt: 'x'.repeat(5000) })
  const lone = await call(opened)
  const { count, sessions } = await json('/sessions')
  assert.equal(count, 3)
  assert.deepEqual(ids(sessions), [lone, 's1', 's2'])
  const [, one] = sessions
  assert.deepEqual(one.models, ['claude-haiku-5', 'claude-opus-5'])
  assert.deepEqual(one.providers, ['anthropic'])
  assert.equal(one.initiator.username, 'ada')
  assert.equal(one.threads, 2)
  assert.equal(one.last_prompt, 'x'.repeat(4096))
  assert.deepEqual(one.token_usage_summary, {
    input_tokens: 20,
    output_tokens: 40,
    cache_read_input_tokens: 6,
    cache_write_input_tokens: null,
    cost_nano_usd: null,
    unpriced_answers: 2,
  })
  assert.deepEqual(ids((await json('/sessions?limit=1&offset=1')).sessions), ['s1'])
  assert.deepEqual(ids((await json('/sessions?limit=1&after_session_id=s1')).sessions), ['s2'])
  assert.deepEqual(ids((await json('/sessions?q=session_id:s2')).sessions), ['s2'])
  assert.deepEqual(ids((await json('/sessions?q=initiator:eve')).sessions), ['s2'])
})

test('costs add up exactly: of calls, threads and sessions, with what has no price counted', async t => {
  const { opened, json, asAdmin } = await world(t)
  const session = 's'
  const [priced, other, plan] = [
    await call(opened, { session, cost: 9_007_199_254_740 }),
    await call(opened, { session, cost: 150_751 }),
    await call(opened, { session, billing: 'subscription' }),
  ]
  const unpriced = await call(opened, { session })
  const { results } = await json('/interceptions')
  const costs = results.map((one: Record<string, unknown>) => [
    one['id'],
    one['billing'],
    one['cost_nano_usd'],
    one['unpriced_answers'],
  ])
  assert.deepEqual(costs, [
    [unpriced, 'metered', null, 1],
    [plan, 'subscription', null, 0],
    [other, 'metered', 150_751, 0],
    [priced, 'metered', 9_007_199_254_740, 0],
  ])
  const total = { cost_nano_usd: 9_007_199_405_491, unpriced_answers: 1 }
  const of = ({ cost_nano_usd, unpriced_answers }: Record<string, unknown>) => ({
    cost_nano_usd,
    unpriced_answers,
  })
  const [listed] = (await json('/sessions')).sessions
  assert.deepEqual(of(listed.token_usage_summary), total)
  const shown = await json('/sessions/s')
  assert.deepEqual(of(shown.token_usage_summary), total)
  const inThreads = shown.threads.map(
    (one: { token_usage: Record<string, unknown> }) => one.token_usage['cost_nano_usd'],
  )
  assert.deepEqual(inThreads, [9_007_199_254_740, 150_751, null, null])
  const exported = await asAdmin('/interceptions/export?format=csv')
  const csv = (await exported.text()).trimEnd().split('\r\n')
  const column = (csv[0] ?? '').split(',').indexOf('cost_usd')
  assert.deepEqual(
    csv.slice(1).map(line => line.split(',')[column]),
    ['', '', '0.000150751', '9007.19925474'],
  )
})

test('a session shows its threads in order, with what the agent did in each', async t => {
  const { opened, json } = await world(t)
  const root = await call(opened, { session: 's', prompt: 'start', tools: ['t1'] })
  const next = await call(opened, { session: 's', answers: 't1', thought: 'so it is', prompt: '' })
  const second = await call(opened, { session: 's', prompt: 'another thing' })
  const session = await json('/sessions/s')
  assert.deepEqual(ids(session.threads), [root, second])
  const [thread] = session.threads
  assert.equal(thread.prompt, 'start')
  assert.equal(thread.credential_hint, 'sk-a...wxyz')
  assert.equal(thread.token_usage.input_tokens, 20)
  assert.deepEqual(thread.token_usage.metadata, { thinking: 10 })
  const [acted, thought] = thread.agentic_actions
  assert.deepEqual(
    acted.tool_calls.map((tool: Loose) => [tool.interception_id, tool.tool_call_id]),
    [[root, 't1']],
  )
  assert.deepEqual(thought.thinking, [{ text: 'so it is', source: 'thinking' }])
  assert.deepEqual(session.token_usage_summary.metadata, { thinking: 15 })
  assert.equal(session.token_usage_summary.input_tokens, 30)
  assert.notEqual(next, second)
})

test('threads are paged forwards and backwards', async t => {
  const { opened, json } = await world(t)
  const all: string[] = []
  for (let i = 0; i < 5; i += 1) all.push(await call(opened, { session: 'a/b c' }))
  const page = async (query: string): Promise<string[]> =>
    ids((await json(`/sessions/${encodeURIComponent('a/b c')}?${query}`)).threads)
  assert.deepEqual(await page(''), all)
  assert.deepEqual(await page('limit=2'), all.slice(0, 2))
  assert.deepEqual(await page(`limit=2&after_id=${all[1]}`), all.slice(2, 4))
  assert.deepEqual(await page(`limit=2&before_id=${all[4]}`), all.slice(2, 4))
  assert.deepEqual(await page(`before_id=${all[0]}`), [])
})

test('names of models and clients are sorted, without doubles, and cut by a prefix', async t => {
  const { opened, json } = await world(t)
  for (const model of ['gpt-6', 'claude-opus-5', 'gpt-6', 'gpt-6-mini', '100%_x']) {
    await call(opened, { model, client: model.startsWith('g') ? 'Codex' : 'Zed' })
  }
  assert.deepEqual(await json('/models'), ['100%_x', 'claude-opus-5', 'gpt-6', 'gpt-6-mini'])
  assert.deepEqual(await json('/models?q=model:gpt'), ['gpt-6', 'gpt-6-mini'])
  assert.deepEqual(await json('/models?q=gpt&limit=1&offset=1'), ['gpt-6-mini'])
  assert.deepEqual(await json('/models?q=model:%25'), [], 'no wildcards')
  assert.deepEqual(await json('/clients'), ['Codex', 'Zed'])
})

const ERRORS: readonly (readonly [path: string, status: number, body: object])[] = [
  [
    '/interceptions?after_id=b5a1c7de-0000-4000-8000-000000000000&offset=1',
    400,
    {
      message: 'Query parameters have invalid values.',
      detail: 'Cannot use both after_id and offset pagination in the same request.',
    },
  ],
  ...['0', '-1', '1001'].map(
    limit =>
      [
        `/interceptions?limit=${limit}`,
        400,
        {
          message: 'Invalid pagination limit value.',
          detail: 'Pagination limit must be in range (0, 1000]',
        },
      ] as const,
  ),
  [
    '/sessions?limit=1001',
    400,
    {
      message: 'Invalid pagination limit value.',
      detail: 'Pagination limit must be in range (0, 1000]',
    },
  ],
  [
    '/interceptions?limit=many',
    400,
    {
      message: 'Query parameters have invalid values.',
      validations: [
        { field: 'limit', detail: 'Query param "limit" must be a valid positive integer' },
      ],
    },
  ],
  [
    '/interceptions?q=bare',
    400,
    {
      message: 'Invalid workspace search query.',
      validations: [{ field: 'q', detail: 'Query element "bare" is not of the form key:value' }],
    },
  ],
  [
    '/sessions?q=colour:red%20model:',
    400,
    {
      message: 'Invalid session search query.',
      validations: [
        { field: 'colour', detail: 'Query param "colour" is not a valid query param' },
        { field: 'q', detail: 'Query element "model:" cannot start or end with \':\'' },
      ],
    },
  ],
  [
    '/interceptions?q=started_after:yesterday',
    400,
    {
      message: 'Invalid workspace search query.',
      validations: [
        {
          field: 'started_after',
          detail: 'Query param "started_after" must be a valid date format (RFC 3339)',
        },
      ],
    },
  ],
  [
    '/interceptions?after_id=b5a1c7de-0000-4000-8000-000000000000',
    400,
    { message: 'Invalid pagination cursor.' },
  ],
  ['/sessions?after_session_id=none', 400, { message: 'Invalid pagination cursor.' }],
  ['/sessions/s?after_id=none', 400, { message: 'Invalid pagination cursor.' }],
  [
    '/sessions/s?after_id=a&before_id=b',
    400,
    { message: 'Cannot use both after_id and before_id in the same request.' },
  ],
  ...['0', '201'].map(
    limit =>
      [
        `/sessions/s?limit=${limit}`,
        400,
        {
          message: 'Invalid limit query parameter.',
          detail: 'Limit must be between 1 and 200.',
        },
      ] as const,
  ),
  ['/sessions/unknown', 404, { message: 'Session not found.' }],
  ['/sessions/%zz', 404, { message: 'Route not found.' }],
  [
    '/interceptions/export?format=xml',
    400,
    {
      message: 'Query parameters have invalid values.',
      validations: [{ field: 'format', detail: 'Query param "format" must be ndjson or csv' }],
    },
  ],
]

test('every mistake has its status and its words', async t => {
  const { opened, asAdmin } = await world(t)
  await call(opened, { session: 's' })
  for (const [path, status, body] of ERRORS) {
    const response = await asAdmin(path)
    assert.deepEqual([path, response.status, await response.json()], [path, status, body])
  }
})

test('books that cannot be read are 503 with Retry-After, without the cause', async t => {
  const { get, errors } = await startAdmin(t, {
    records: () => Promise.reject(new Refusal('accounting_unavailable', 'canary')),
  })
  const response = await get(`${API}/interceptions`, { headers: { 'Coder-Session-Token': ADMIN } })
  assert.equal(response.status, 503)
  assert.equal(response.headers.get('retry-after'), '1')
  assert.equal((await response.text()).includes('canary'), false)
  assert.equal(errors.length, 1)
})

test('the newer name of the interface answers the same', async t => {
  const { opened } = await world(t)
  const { get } = await startAdmin(t, { records: opened.recorder.ask })
  await call(opened)
  const response = await get('/api/v2/ai-gateway/interceptions', {
    headers: { 'Coder-Session-Token': ADMIN },
  })
  assert.equal((await bodyOf(response)).count, 1)
})

test('everything is exported, as lines and as a table that no spreadsheet executes', async t => {
  const { opened, asAdmin } = await world(t)
  for (let i = 0; i < 250; i += 1) await call(opened, { model: '=HYPERLINK("x")' })
  const lines = await asAdmin('/interceptions', 'application/x-ndjson')
  assert.match(lines.headers.get('content-type') ?? '', /^application\/x-ndjson/)
  const records = (await lines.text()).trim().split('\n')
  assert.equal(new Set(records.map(line => JSON.parse(line).id)).size, 250)

  const table = await asAdmin('/interceptions/export?format=csv')
  assert.match(table.headers.get('content-type') ?? '', /^text\/csv/)
  const rows = (await table.text()).trim().split('\r\n')
  assert.equal(rows.length, 251)
  assert.match(rows[0] ?? '', /^id,started_at,ended_at,user,/)
  assert.match(rows[1] ?? '', /"'=HYPERLINK\(""x""\)"/)
})

test('a page of huge prompts is sent in parts and is complete', async t => {
  const { opened, json } = await world(t)
  for (let i = 0; i < 20; i += 1) await call(opened, { prompt: 'p'.repeat(1_000_000) })
  const { count, results } = await json('/interceptions?limit=20')
  assert.equal(count, 20)
  assert.equal(new Set(ids(results)).size, 20)
})

test('an export ends where its token is revoked', async t => {
  const opened = await openRecorder(t)
  for (let i = 0; i < 101; i += 1) await call(opened)
  const identity = { user: 'ada', tokenId: 't1', admin: false }
  let asked = 0
  const { get } = await startAdmin(t, {
    authenticate: async () => ({ identity, isValid: () => asked === 0 }),
    records: async (question, argument) => {
      asked += 1
      return await opened.recorder.ask(question, argument)
    },
  })
  const download = async (): Promise<Response> =>
    await get(`${API}/interceptions/export`, { headers: { 'Coder-Session-Token': 'x' } })
  await assert.rejects(async () => await (await download()).text())
  assert.equal(asked, 1)
  assert.equal((await download()).status, 401)
})
