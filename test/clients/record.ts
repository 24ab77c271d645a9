import assert from 'node:assert/strict'
import { firstHeader } from '../../src/kernel/headers.ts'
import type { JsonObject } from '../support/json.ts'
import type { Exchange } from '../support/provider-exchange.ts'
import { type BookMark, objectsIn, readBooks, rowsSince } from './books.ts'
import { USER } from './environment.ts'
import type { World } from './world.ts'

/** What every client is asked. */
export const ASK = 'say hi'

/**
 * One answer of the stub in the daemon's terms, worked out by hand: it reports
 * 11 tokens in, 7 out, 5 read from the cache and 3 written to it. Anthropic
 * counts what went through the cache beside `input_tokens`; OpenAI counts it in
 * (11 - 5 = 6) and does not know a price for writing.
 */
export const BILLED = {
  messages: { input: 11, output: 7, cacheRead: 5, cacheWrite: 3 },
  chat: { input: 6, output: 7, cacheRead: 5, cacheWrite: null },
  responses: { input: 6, output: 7, cacheRead: 5, cacheWrite: null },
} as const

/** The masked form of the key that the provider got. */
const HINTS = { anthropic: 'sk-a...c9e8', openai: 'sk-c...3d2f', copilot: 'gho_...0000' } as const

/** What the books must say of the model calls of one run. */
export interface ExpectedRecord {
  readonly provider: keyof typeof HINTS
  readonly path: string
  readonly format: keyof typeof BILLED
  readonly client: string
  /** Of the call with the prompt; others of the run may use a smaller one. */
  readonly model: string
  readonly webSocket?: boolean
  readonly streaming?: boolean
  /** Where the client sends its session; absent when it has none. */
  readonly sessionHeader?: string
  /** A known fault: why the prompt is not on record. */
  readonly promptMissing?: string
}

/**
 * Checks the records of one run against what the provider saw of it: every call
 * on its row, the model calls with their cost, and the prompt on one of them.
 * Gives the model calls' rows, oldest first.
 */
export async function assertRecorded(
  world: World,
  mark: BookMark,
  expected: ExpectedRecord,
): Promise<readonly JsonObject[]> {
  const rows = await rowsSince(world, mark)
  for (const row of rows) assert.equal(usernameOf(row), USER, 'user')
  const calls = rows.filter(row => isModelCall(row, expected))
  for (const row of rows) if (!calls.includes(row)) assertPassthrough(row)

  const exchanges = world.providers[expected.provider].exchanges
    .slice(mark.exchanges[expected.provider])
    .filter(({ path }) => path.split('?')[0] === expected.path)
  const sessions = new Set(exchanges.map(exchange => sessionOf(exchange, expected)))
  for (const row of calls) assertModelCall(row, expected, sessions)

  const asked = calls.filter(row => row['model'] === expected.model)
  assert.ok(asked.length > 0, `no call to ${expected.model}`)
  const prompts = asked.flatMap(row => objectsIn(row, 'user_prompts'))
  const isAsked = prompts.some(({ prompt }) => String(prompt).includes(ASK))
  if (expected.promptMissing !== undefined) {
    assert.ok(!isAsked, 'the prompt is on record: `promptMissing` is out of date')
  } else {
    assert.ok(isAsked, `no prompt has "${ASK}": ${JSON.stringify(prompts)}`)
  }
  for (const row of asked) await assertSession(world, row, calls)
  return calls
}

function isModelCall(row: JsonObject, expected: ExpectedRecord): boolean {
  return row['provider_name'] === expected.provider && row['path'] === expected.path
}

function assertModelCall(
  row: JsonObject,
  expected: ExpectedRecord,
  sessions: ReadonlySet<string | null>,
): void {
  const billed = BILLED[expected.format]
  const tokens = objectsIn(row, 'token_usages')
  const seen = {
    status: row['status'],
    http: row['http_status'],
    kind: row['kind'],
    streaming: row['streaming'],
    provider: row['provider'],
    client: row['client'],
    credential: [row['credential_kind'], row['credential_hint']],
    complete: [row['usage_complete'], row['usage_note'], row['records_lost']],
    model: tokens.map(({ model }) => model),
    tokens: tokens.map(tokensOf),
  }
  // On a WebSocket Codex first warms up, with an answer of its own that is billed.
  const answers = expected.webSocket === true ? 2 : 1
  assert.deepEqual(seen, {
    status: 'completed',
    http: expected.webSocket === true ? 101 : 200,
    kind: expected.webSocket === true ? 'websocket' : 'bridged',
    streaming: expected.streaming ?? true,
    provider: expected.provider,
    client: expected.client,
    credential: [
      expected.provider === 'copilot' ? 'byok' : 'centralized',
      HINTS[expected.provider],
    ],
    complete: [true, null, 0],
    model: Array.from({ length: answers }, () => row['model']),
    tokens: Array.from({ length: answers }, () => billed),
  })
  const session = row['client_session_id']
  assert.ok(typeof session === 'string' || session === null)
  assert.ok(sessions.has(session), `not the client's session: ${session}`)
}

function tokensOf(usage: JsonObject): JsonObject {
  return {
    input: usage['input_tokens'],
    output: usage['output_tokens'],
    cacheRead: usage['cache_read_input_tokens'],
    cacheWrite: usage['cache_write_input_tokens'],
  }
}

/** Telemetry, settings, MCP: on record, but neither billed nor read. */
function assertPassthrough(row: JsonObject): void {
  assert.equal(row['kind'], 'passthrough', String(row['path']))
  const details = ['token_usages', 'user_prompts', 'tool_usages', 'model_thoughts']
  assert.deepEqual(
    details.flatMap(key => objectsIn(row, key)),
    [],
    String(row['path']),
  )
  assert.equal(row['model'], null)
}

function sessionOf({ rawHeaders }: Exchange, { sessionHeader }: ExpectedRecord): string | null {
  if (sessionHeader === undefined) return null
  const session = firstHeader(rawHeaders, sessionHeader)
  assert.ok(session, `the client sent no ${sessionHeader}`)
  return session
}

/** The session of a call sums up what its calls cost. */
async function assertSession(
  world: World,
  row: JsonObject,
  calls: readonly JsonObject[],
): Promise<void> {
  const id = String(row['session_id'])
  const own = calls.filter(call => call['session_id'] === id)
  const session = await readBooks(world, `sessions/${encodeURIComponent(id)}`)
  assert.equal(usernameOf(session), USER, 'user of the session')
  assert.equal(session['client'], row['client'])
  assert.deepEqual(session['providers'], [row['provider']])
  assert.deepEqual(
    session['models'],
    [...new Set(own.map(call => String(call['model'])))].toSorted(),
  )

  const usages = own.flatMap(call => objectsIn(call, 'token_usages'))
  const {
    metadata: _,
    unpriced_answers: _unpriced,
    ...summary
  } = objectIn(session, 'token_usage_summary')
  const total = (key: string): unknown =>
    usages.some(usage => usage[key] !== null)
      ? usages.reduce((sum, usage) => sum + Number(usage[key]), 0)
      : null
  const expected = Object.fromEntries(Object.keys(summary).map(key => [key, total(key)]))
  assert.deepEqual(summary, expected, 'tokens of the session')
}

function usernameOf(row: JsonObject): unknown {
  return objectIn(row, 'initiator')['username']
}

function objectIn(object: JsonObject, key: string): JsonObject {
  const [inner] = objectsIn({ [key]: [object[key]] }, key)
  assert.ok(inner, `${key} is an object`)
  return inner
}
