import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { ConfigurationError } from '../../src/kernel/error.ts'
import type { Event } from '../../src/kernel/event.ts'
import { requestOver, responseTo } from '../support/raw-client.ts'
import {
  type AiWorld,
  ANTHROPIC,
  aiProvidersEnv,
  OPENAI,
  openIntercepted,
  startAiWorld,
} from './ai-world.ts'
import { createCaller } from './callers.ts'
import { exchangeOn, get, post } from './wire.ts'

const PLAN = 'Bearer sk-ant-oat01-0123456789abcdef'
const OWN_KEY = 'sk-ant-api03-0123456789'

type AnswerSeen = Extract<Event, { type: 'answer_seen' }>

/** One call to its end; what was told of its answer. */
async function answerTo(
  { daemon }: AiWorld,
  model: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<AnswerSeen> {
  const isOpenai = !model.startsWith('claude-')
  const authority = isOpenai ? OPENAI : ANTHROPIC
  const secure = await openIntercepted(daemon, { authority })
  const seen = daemon.events.length
  const request = requestOver(secure, {
    method: 'POST',
    path: isOpenai ? '/v1/chat/completions' : '/v1/messages',
    headers: {
      host: authority.replace(':443', ''),
      'content-type': 'application/json',
      ...headers,
    },
  })
  const messages = [{ role: 'user', content: 'hello' }]
  const response = await responseTo(request, JSON.stringify({ model, max_tokens: 64, messages }))
  response.resume()
  await once(response, 'end')
  secure.destroy()
  return await daemon.event('answer_seen', event => daemon.events.indexOf(event) >= seen)
}

/** The calls so far, newest first, as soon as that many are closed. */
async function closedCalls({ daemon }: AiWorld, count: number) {
  const range = { filter: {}, before: null, offset: 0, limit: 100 }
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const answer = await daemon.ask('calls', range)
    if (answer.calls.filter(call => call.status === 'completed').length === count) return answer
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  throw new Error('the calls were not closed')
}

describe('the cost of a call', () => {
  let world: AiWorld
  before(async () => {
    world = await startAiWorld()
  })
  after(() => world[Symbol.asyncDispose]())

  it('is that of the list for the counted tokens', async () => {
    const { costNano, billing } = await answerTo(world, 'claude-sonnet-4-5')
    assert.equal(billing, 'metered')
    // 11 × $3 + 7 × $15 + 5 × $0.30 + 3 × $3.75, by the million.
    assert.equal(costNano, 150_750)
  })

  it('is null for a model that the list does not have', async () => {
    const { usage, costNano } = await answerTo(world, 'claude-next')
    assert.ok(usage !== null)
    assert.equal(costNano, null)
  })

  it('is null, with the tokens kept, where a plan pays', async () => {
    const answer = await answerTo(world, 'claude-sonnet-4-5', { authorization: PLAN })
    assert.ok((answer.usage?.output ?? 0) > 0)
    assert.equal(answer.billing, 'subscription')
    assert.equal(answer.costNano, null)
  })

  it('is known for a key that the client brought', async () => {
    const answer = await answerTo(world, 'claude-sonnet-4-5', { 'x-api-key': OWN_KEY })
    assert.equal(answer.billing, 'metered')
    assert.ok((answer.costNano ?? 0) > 0)
  })

  it('of a response in the background counts once, for who began it, when it has been asked for', async () => {
    const { daemon, provider } = world
    const begun = { id: 'resp_bg', object: 'response', model: 'gpt-5', background: true }
    const usage = { input_tokens: 20, output_tokens: 7, total_tokens: 27 }
    const ended = { ...begun, status: 'completed', usage }
    const streamed = (type: string, response: object) =>
      `event: ${type}\ndata: ${JSON.stringify({ type, response })}\n\n`
    const states = [
      { pieces: [streamed('response.created', { ...begun, status: 'in_progress' })] },
      { pieces: [JSON.stringify({ ...begun, status: 'in_progress', usage: null })] },
      { pieces: [streamed('response.completed', ended), ''] },
      { pieces: [JSON.stringify(ended)] },
    ]
    const since = provider.exchanges.length
    provider.script((_, index) => ({
      contentType: index % 2 === since % 2 ? 'text/event-stream' : 'application/json',
      ...states[index - since],
    }))
    const seen = daemon.events.length
    const later = <T extends Event['type']>(type: T, calls: number) =>
      daemon.event(type, event => {
        const all = daemon.events.slice(seen).filter(one => one.type === type)
        return all.indexOf(event) === calls - 1
      })
    const { credentials } = createCaller(daemon)
    const call = async (request: Buffer, connect = {}) => {
      const socket = await openIntercepted(daemon, { authority: OPENAI, connect })
      await exchangeOn(socket, request).catch(() => undefined)
      socket.destroy()
    }
    const host = 'api.openai.com'
    await call(post('/v1/responses', host, '{"model":"gpt-5","background":true,"stream":true}'))
    await call(get('/v1/responses/resp_bg', host))
    await call(get('/v1/responses/resp_bg?stream=true&starting_after=1', host), { credentials })
    await call(get('/v1/responses/resp_bg', host))
    await later('call_ended', 4)
    provider.script(undefined)
    const told = await later('answer_seen', 2)
    assert.deepEqual([told.user, told.usage?.output], ['ada', 7])
    // A call is listed once its end is in the books.
    const last = { filter: {}, before: null, offset: 0, limit: 4 }
    let { calls } = await daemon.ask('calls', last)
    for (let i = 0; calls[2]?.method !== 'GET'; i += 1) {
      assert.ok(i < 1000, 'the calls were not closed')
      calls = (await daemon.ask('calls', last)).calls
    }
    assert.deepEqual(
      calls.map(({ method, user, tokens }) => [method, user, tokens.map(({ output }) => output)]),
      [
        ['GET', 'ada', []],
        ['GET', 'bob', []],
        ['GET', 'ada', []],
        ['POST', 'ada', [7]],
      ],
    )
    assert.equal(calls.at(-1)?.usageNote, null)
  })

  it("goes by the operator's prices once a reload has read them", async () => {
    assert.equal((await answerTo(world, 'my-own-model')).costNano, null)
    const file = join(world.daemon.stateDir, 'prices.yaml')
    const cache = 'cache_read: 0, cache_write_5m: 0'
    const write = (output: string) =>
      writeFile(
        file,
        `prices: [{type: openai, model: "my-*", input: 0, output: ${output}, ${cache}}]`,
      )
    const reload = async () =>
      await world.daemon.reload({
        ...aiProvidersEnv(world.provider.url),
        CODER_AIBRIDGE_PRICES_FILE: file,
      })

    await write('2')
    await reload()
    assert.equal((await answerTo(world, 'my-own-model')).costNano, 7 * 2000)

    await write('nothing')
    await assert.rejects(reload, ConfigurationError)
    assert.equal((await answerTo(world, 'my-own-model')).costNano, 7 * 2000)
  })
})

describe('the costs of several calls', () => {
  let world: AiWorld
  before(async () => {
    world = await startAiWorld()
    await answerTo(world, 'claude-sonnet-4-5')
    await answerTo(world, 'claude-next')
    await answerTo(world, 'claude-sonnet-4-5', { authorization: PLAN })
    await answerTo(world, 'claude-sonnet-4-5', { 'x-api-key': OWN_KEY })
  })
  after(() => world[Symbol.asyncDispose]())

  it('are in the books with their calls, and the totals are their sum', async () => {
    const { calls } = await closedCalls(world, 4)
    assert.deepEqual(
      calls.map(call => [call.billing, call.tokens.map(token => token.costNano)]).toReversed(),
      [
        ['metered', [150_750]],
        ['metered', [null]],
        ['subscription', [null]],
        ['metered', [150_750]],
      ],
    )
    assert.ok(calls.every(call => call.tokens.every(token => token.output === 7)))
    const [total, ...others] = await world.daemon.ask('usage', { filter: {}, by: 'user' })
    assert.deepEqual(others, [])
    assert.equal(total?.costNano, 2 * 150_750)
    assert.equal(total?.unpriced, 1)
    assert.equal(total?.subscription, 1)
  })

  it('are counted in dollars, and answers without a price by themselves', async () => {
    const { api } = world.daemon
    const metrics = await (await fetch(`http://${api.host}:${api.port}/metrics`)).text()
    const values = (name: string): (readonly [string | undefined, number])[] =>
      metrics
        .split('\n')
        .filter(line => line.startsWith(`${name}{`))
        .map(line => [/model="([^"]*)"/.exec(line)?.[1], Number(line.split(' ').at(-1))] as const)
    const [[model, cost] = assert.fail(), ...others] = values('aibridgeproxyd_cost_usd_total')
    assert.deepEqual([model, others], ['claude-sonnet-4-5', []])
    assert.ok(Math.abs(cost - 0.000_301_5) < 1e-12)
    assert.deepEqual(values('aibridgeproxyd_unpriced_answers_total'), [['claude-next', 1]])
  })
})
