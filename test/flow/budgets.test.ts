import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { temporaryDirectory } from '../record/support.ts'
import { type AiWorld, ANTHROPIC, OPENAI, openIntercepted, startAiWorld } from './ai-world.ts'
import { type Answer, exchangeOn, get, post } from './wire.ts'

/** Every answer has 7 tokens of output: 0.70 dollars. */
const PRICES = ['anthropic', 'openai']
  .map(
    type =>
      `{type: ${type}, model: "m*", input: 0, output: 100000, cache_read: 0, cache_write_5m: 0}`,
  )
  .join(', ')
const ANSWER_NANO = 700_000_000
/** What a call is thought to cost before anybody knows better. */
const RESERVE_NANO = 10_000_000
const HOSTS = { [ANTHROPIC]: 'api.anthropic.com', [OPENAI]: 'api.openai.com' } as const

async function startLimited(
  t: TestContext,
  budgets: string,
  env: Readonly<Record<string, string>> = {},
): Promise<AiWorld> {
  const directory = temporaryDirectory(t)
  const policy = join(directory, 'policy.yaml')
  const prices = join(directory, 'prices.yaml')
  writeFileSync(policy, `groups: {research: [ada]}\nbudgets: ${budgets}\n`)
  writeFileSync(prices, `prices: [${PRICES}]\n`)
  const world = await startAiWorld({
    env: { CODER_AIBRIDGE_POLICY_FILE: policy, CODER_AIBRIDGE_PRICES_FILE: prices, ...env },
  })
  t.after(() => world[Symbol.asyncDispose]())
  return world
}

/** One call on a connection of its own. */
async function call(
  { daemon }: AiWorld,
  authority: keyof typeof HOSTS = ANTHROPIC,
  headers: readonly string[] = [],
): Promise<Answer> {
  const socket = await openIntercepted(daemon, { authority })
  const path = authority === ANTHROPIC ? '/v1/messages' : '/v1/chat/completions'
  const body = JSON.stringify({ model: 'm', max_tokens: 9, messages: [], stream: true })
  const answer = await exchangeOn(socket, post(path, HOSTS[authority], body, headers))
  socket.destroy()
  return answer
}

async function purseOf({ daemon }: AiWorld) {
  const [purse] = await daemon.ask('budgets', { now: Date.now() })
  assert.ok(purse)
  return purse
}

/** Resolves when so many calls have been answered, and paid. */
async function paid({ daemon }: AiWorld, count: number): Promise<void> {
  for (;;) {
    const [row] = await daemon.ask('budgets', { now: Date.now() })
    if ((row?.calls ?? 0) >= count) return
    await delay(2)
  }
}

test('a caller whose budget is used up is told so, and until when, in the dialect of the provider', async t => {
  const world = await startLimited(t, '[{user: "*", usd: 1, period: day}]')
  for (let index = 1; index <= 2; index += 1) {
    assert.equal((await call(world)).status, 200)
    await paid(world, index)
  }
  const midnight = new Date(Math.ceil(Date.now() / 86_400_000) * 86_400_000)
  const text = `The budget for AI calls is used up. Yours for this day starts again at ${midnight.toISOString()}.`
  const refused = await call(world)
  assert.equal(refused.status, 429)
  assert.deepEqual(JSON.parse(refused.text), {
    type: 'error',
    error: { type: 'rate_limit_error', message: text },
  })
  const wait = Number(/t=(\d+)$/.exec(refused.head.header('ratelimit') ?? '')?.[1])
  assert.ok(Math.abs(wait - (midnight.getTime() - Date.now()) / 1000) < 10, String(wait))
  assert.equal(refused.head.header('x-aibridge-reason'), 'budget_exhausted')
  assert.equal(refused.head.header('ratelimit'), `"budget";r=0;t=${wait}`)
  // An agent that slept until tomorrow would look dead, and one that kept trying would be in vain.
  assert.equal(refused.head.header('retry-after'), String(Math.min(wait, 60)))
  assert.equal(refused.head.header('x-should-retry'), wait > 60 ? 'false' : undefined)

  const { error } = JSON.parse((await call(world, OPENAI)).text) as { error: unknown }
  const kind = 'insufficient_quota'
  assert.deepEqual(error, { message: text, type: kind, param: null, code: kind })
  assert.equal(world.provider.exchanges.length, 2)

  // What somebody else pays, and what costs nothing.
  assert.equal((await call(world, ANTHROPIC, ['X-Api-Key: sk-ant-api03-own-0123456'])).status, 200)
  const socket = await openIntercepted(world.daemon)
  assert.equal((await exchangeOn(socket, get('/v1/models', HOSTS[ANTHROPIC]))).status, 200)
  socket.destroy()
})

test('budgets are seen through the API, and those with a name in the metrics', async t => {
  const world = await startLimited(t, '[{user: "*", usd: 1, period: day}, {user: ada, usd: 9}]')
  const { daemon } = world
  await call(world)
  await paid(world, 1)
  const api = `http://127.0.0.1:${daemon.api.port}`
  const headers = { 'Coder-Session-Token': daemon.token }
  const answer = await fetch(`${api}/api/v2/aibridge/budgets`, { headers })
  const { budgets } = (await answer.json()) as { budgets: readonly Record<string, unknown>[] }
  assert.deepEqual(
    budgets.map(budget => [budget['period'], budget['limit_nano_usd'], budget['spent_nano_usd']]),
    [
      ['month', 9e9, ANSWER_NANO],
      ['day', 1e9, ANSWER_NANO],
    ],
  )
  const metrics = await (await fetch(`${api}/metrics`)).text()
  assert.match(
    metrics,
    /^aibridgeproxyd_budget_limit_dollars\{owner="user:ada",period="month"\} 9$/m,
  )
  assert.match(
    metrics,
    /^aibridgeproxyd_budget_spent_dollars\{owner="user:ada",period="month"\} 0.7$/m,
  )
})

test('100 calls at once overdraw a budget by no more than what one call costs, once costs are known', async t => {
  const world = await startLimited(t, '[{user: ada, usd: 10, period: month}]')
  const { provider } = world
  assert.equal((await call(world)).status, 200)
  await paid(world, 1)

  const answers = await Promise.all(Array.from({ length: 100 }, () => call(world)))
  const passed = answers.filter(({ status }) => status === 200).length
  assert.equal(answers.filter(({ status }) => status === 429).length, 100 - passed)
  await paid(world, 1 + passed)
  const [purse] = await world.daemon.ask('budgets', { now: Date.now() })
  assert.equal(provider.exchanges.length, 1 + passed)
  assert.equal(purse?.spent, provider.exchanges.length * ANSWER_NANO)
  assert.equal(purse?.reserved, 0)
  assert.ok(purse.spent >= 10e9 && purse.spent < 10e9 + ANSWER_NANO, `${purse.spent / 1e9} dollars`)
})

test('a WebSocket ends when an answer has used up a budget, and there is no next one', async t => {
  const world = await startLimited(t, '[{group: research, usd: 1, period: week}]')
  const socket = await openIntercepted(world.daemon, { authority: OPENAI })
  const webSocket = new WebSocket('wss://api.openai.com/v1/responses', {
    createConnection: () => socket,
    perMessageDeflate: false,
  })
  await once(webSocket, 'open')
  const closed = once(webSocket, 'close')
  let answers = 0
  webSocket.on('message', (data: Buffer) => {
    if (!String(data).includes('"response.completed"')) return
    answers += 1
    webSocket.send(JSON.stringify({ type: 'response.create', model: 'm', input: 'x' }))
  })
  webSocket.send(JSON.stringify({ type: 'response.create', model: 'm', input: 'x' }))
  await closed
  assert.ok(answers >= 2, `${answers} answers`)
  const refused = await call(world, OPENAI)
  assert.equal(refused.status, 429)
  assert.match(refused.text, /That of the group research for this week starts again at /)
})

test('a WebSocket that cannot be counted any more ends, where a budget pays for it', async t => {
  const closing = async (budgets: string): Promise<string> => {
    const world = await startLimited(t, budgets, { CODER_AIBRIDGE_OBSERVE_BYTES: '1KiB' })
    const socket = await openIntercepted(world.daemon, { authority: OPENAI })
    const webSocket = new WebSocket('wss://api.openai.com/v1/responses', {
      createConnection: () => socket,
      perMessageDeflate: false,
    })
    await once(webSocket, 'open')
    const input = 'x'.repeat(4096)
    const completed = new Promise<string>(resolve => {
      webSocket.on('message', (data: Buffer) => {
        if (String(data).includes('"response.completed"')) resolve('answered')
      })
    })
    const closed = once(webSocket, 'close').then(() => 'closed')
    webSocket.send(JSON.stringify({ type: 'response.create', model: 'm', input }))
    const ended = await Promise.race([completed, closed])
    webSocket.terminate()
    return ended
  }
  assert.equal(await closing('[{user: ada, usd: 100}]'), 'closed')
  assert.equal(await closing('[]'), 'answered')
})

test('a caller beyond the rate is told when to come again, on every daemon alike', async t => {
  const world = await startLimited(t, '[]', { CODER_AIBRIDGE_RATE_LIMIT: '2' })
  const answers = await Promise.all(Array.from({ length: 20 }, () => call(world)))
  const refused = answers.filter(({ status }) => status === 429)
  assert.ok(refused.length >= 10, `${refused.length} refused`)
  const [first] = refused
  assert.equal(first?.head.header('retry-after'), '1')
  assert.equal(first?.head.header('ratelimit-policy'), '"calls";q=2;w=1')
  assert.equal(first?.head.header('ratelimit'), '"calls";r=0;t=1')
  assert.match(first.text, /"rate_limit_error","message":"You make too many calls."/)
})

test('what a provider never answered is paid, and what never reached it is not', async t => {
  const world = await startLimited(t, '[{user: ada, usd: 10}]', {
    CODER_AIBRIDGE_PROXY_FIRST_BYTE_TIMEOUT: '800ms',
  })
  const { daemon, provider } = world
  const body = '{"model":"m","stream":true}'
  const leaving = await openIntercepted(daemon)
  const arriving = provider.nextExchange()
  leaving.write(post('/v1/messages', HOSTS[ANTHROPIC], body).subarray(0, -1))
  await arriving
  leaving.destroy()
  await daemon.event('call_ended', ({ outcome }) => outcome === 'aborted')
  provider.script(() => ({ status: 529 }))
  assert.equal((await call(world)).status, 529)
  let purse = await purseOf(world)
  while (purse.reserved > 0) purse = await purseOf(world)
  assert.deepEqual(purse, { ...purse, spent: 0, calls: 0 })

  provider.script(() => ({ stallAfter: 0 }))
  assert.equal((await call(world)).status, 504)
  await paid(world, 1)
  assert.equal((await purseOf(world)).spent, RESERVE_NANO)
})
