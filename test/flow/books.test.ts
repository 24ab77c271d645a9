import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { databaseFile } from '../../src/record/database.ts'
import { ANSWER_USAGE } from '../support/dialects/answer.ts'
import { isJsonObject, type JsonObject, parseJsonObject } from '../support/json.ts'
import { connectThrough, readToEnd, requestOver, responseTo } from '../support/raw-client.ts'
import {
  type AiWorld,
  ANTHROPIC,
  OPENAI,
  OPENAI_KEY,
  openIntercepted,
  startAiWorld,
} from './ai-world.ts'
import { lastCall, rowOf } from './rows.ts'

interface Ask {
  readonly authority?: string
  readonly path: string
  readonly body: JsonObject
  readonly headers?: Readonly<Record<string, string>>
}

/** One call to its end; the id of its row. */
async function call(world: AiWorld, ask: Ask): Promise<string> {
  const authority = ask.authority ?? ANTHROPIC
  const secure = await openIntercepted(world.daemon, { authority })
  const seen = world.daemon.events.length
  const request = requestOver(secure, {
    method: 'POST',
    path: ask.path,
    headers: {
      host: authority.replace(':443', ''),
      'content-type': 'application/json',
      ...ask.headers,
    },
  })
  const response = await responseTo(request, JSON.stringify(ask.body))
  response.resume()
  await once(response, 'end')
  secure.destroy()
  return await lastCall(world, seen)
}

const PROMPT = 'why is the sky blue?'
const MESSAGES = {
  model: 'claude-sonnet-4-5',
  max_tokens: 64,
  stream: true,
  messages: [{ role: 'user', content: PROMPT }],
}

describe('the books', () => {
  let world: AiWorld
  before(async () => {
    world = await startAiWorld()
  })
  after(() => world[Symbol.asyncDispose]())

  it('hold who asked what of which model, and what it cost', async () => {
    const id = await call(world, {
      path: '/v1/messages?beta=true',
      body: MESSAGES,
      headers: { 'user-agent': 'claude-cli/2.1', 'x-claude-code-session-id': 'session-1' },
    })
    const row = await rowOf(world, id)
    assert.equal(row.user, 'ada')
    assert.equal(row.client, 'Claude Code')
    assert.equal(row.clientSessionId, 'session-1')
    assert.equal(row.model, 'claude-sonnet-4-5')
    assert.equal(row.path, '/v1/messages')
    assert.equal(row.status, 'completed')
    assert.equal(row.usageComplete, true)
    assert.deepEqual(
      row.prompts.map(({ prompt }) => prompt),
      [PROMPT],
    )
    assert.equal(row.tokens.length, 1)
    const [tokens] = row.tokens
    assert.deepEqual(
      { ...ANSWER_USAGE },
      {
        input: tokens?.input,
        output: tokens?.output,
        cacheRead: tokens?.cacheRead,
        cacheWrite: tokens?.cacheWrite,
      },
    )
  })

  it('hold calls that were refused, with the reason and without tokens', async () => {
    await using keyless = await startAiWorld({ env: { CODER_AIBRIDGE_PROVIDER_1_KEY: '' } })
    const id = await call(keyless, { authority: OPENAI, path: '/v1/responses', body: {} })
    const row = await rowOf(keyless, id)
    assert.equal(row.status, 'failed')
    assert.equal(row.reason, 'no_credential')
    assert.equal(row.httpStatus, 401)
    assert.deepEqual(row.tokens, [])
  })

  it('say that numbers are partial when the client went away', async () => {
    world.provider.script(() => ({ stallAfter: 3 }))
    const secure = await openIntercepted(world.daemon)
    const seen = world.daemon.events.length
    const request = requestOver(secure, {
      method: 'POST',
      path: '/v1/messages',
      headers: { host: 'api.anthropic.com', 'content-type': 'application/json' },
    })
    const response = await responseTo(request, JSON.stringify(MESSAGES))
    await once(response, 'data')
    secure.destroy()
    const row = await rowOf(world, await lastCall(world, seen))
    world.provider.script(undefined)
    assert.equal(row.status, 'aborted')
    assert.equal(row.usageComplete, false)
    assert.equal(row.usageNote, 'partial')
    assert.equal(row.tokens[0]?.input, ANSWER_USAGE.input)
  })

  it('hold unlisted paths without prompt and tokens', async () => {
    const id = await call(world, { path: '/api/unlisted?key=secret', body: MESSAGES })
    const row = await rowOf(world, id)
    assert.equal(row.kind, 'passthrough')
    assert.equal(row.path, '/api/unlisted')
    assert.deepEqual([row.tokens, row.prompts], [[], []])
  })

  it('have the row before the provider has a byte', async () => {
    const arrived = world.provider.nextExchange()
    const done = call(world, { path: '/v1/messages', body: MESSAGES })
    await arrived
    // A second reader of the file sees only what is committed.
    using database = new DatabaseSync(databaseFile(world.daemon.stateDir), { readOnly: true })
    const open = database
      .prepare("SELECT path FROM interceptions WHERE status = 'in_progress'")
      .all()
    assert.deepEqual(
      open.map(row => row['path']),
      ['/v1/messages'],
    )
    await rowOf(world, await done)
  })

  it('answer over the API, to the user and to nobody without a token', async () => {
    await rowOf(world, await call(world, { path: '/v1/messages', body: MESSAGES }))
    const ask = async (token: string): Promise<{ status: number; body: string }> => {
      const request = get({
        host: world.daemon.api.host,
        port: world.daemon.api.port,
        path: '/api/v2/aibridge/interceptions?limit=1',
        headers: { 'coder-session-token': token },
      })
      const [response] = await once(request, 'response')
      return { status: response.statusCode, body: String(await readToEnd(response)) }
    }
    const answer = await ask(world.daemon.token)
    assert.equal(answer.status, 200)
    const { results } = parseJsonObject(answer.body)
    assert.ok(Array.isArray(results) && isJsonObject(results[0]))
    assert.equal(results[0]['model'], 'claude-sonnet-4-5')
    assert.ok(!answer.body.includes(OPENAI_KEY) && !answer.body.includes(world.daemon.token))
    assert.equal((await ask('nobody')).status, 401)
  })
})

describe('the books with an option', () => {
  it('keep no prompt where none are wanted', async () => {
    await using world = await startAiWorld({ env: { CODER_AIBRIDGE_RECORD_PROMPTS: 'false' } })
    const row = await rowOf(world, await call(world, { path: '/v1/messages', body: MESSAGES }))
    assert.deepEqual(row.prompts, [])
    assert.equal(row.tokens[0]?.output, ANSWER_USAGE.output)
  })

  it('mask secrets in prompts', async () => {
    await using world = await startAiWorld({ env: { CODER_AIBRIDGE_RECORD_PROMPTS: 'redacted' } })
    const secret = 'AKIAIOSFODNN7EXAMPLE'
    const messages = [{ role: 'user', content: `my key is ${secret}` }]
    const id = await call(world, { path: '/v1/messages', body: { ...MESSAGES, messages } })
    const [prompt] = (await rowOf(world, id)).prompts
    assert.match(String(prompt?.prompt), /^my key is /)
    assert.ok(!prompt?.prompt.includes(secret))
  })

  it('hold every tunnel and refusal of a caller', async () => {
    await using world = await startAiWorld()
    const { socket } = await connectThrough(world.daemon.proxy, '10.0.0.1:443', world.daemon)
    await readToEnd(socket)
    const { connectId } = await world.daemon.event('connect_ended')
    using database = new DatabaseSync(databaseFile(world.daemon.stateDir), { readOnly: true })
    const find = database.prepare('SELECT user, reason, target FROM connects WHERE id = ?')
    for (let attempt = 0; attempt < 200 && find.get(connectId) === undefined; attempt++) {
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    const row = find.get(connectId)
    assert.deepEqual(
      [row?.['user'], row?.['reason'], row?.['target']],
      ['ada', 'private', '10.0.0.1:443'],
    )
  })
})
