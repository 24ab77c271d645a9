import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { TLSSocket } from 'node:tls'
import type { CallRecord } from '../../src/kernel/records.ts'
import { ANSWER_USAGE } from '../support/dialects/answer.ts'
import type { Behaviour, Exchange } from '../support/provider-exchange.ts'
import { readToEnd } from '../support/raw-client.ts'
import { openIntercepted } from './ai-world.ts'
import { createCaller } from './callers.ts'
import { rowOf } from './rows.ts'
import { DIALECTS, startToolWorld, TOOL, type ToolWorld } from './tool-world.ts'
import { type Answer, post, readAnswer } from './wire.ts'

const WHOLE = ANSWER_USAGE.output
/** What that many tokens cost by the prices below, and what a call holds: in nano-dollars. */
const PART = WHOLE * 100_000_000
const RESERVE = 5_000_000_000
const POOR = 'poor'

/** Calls a tool until the last turn, which goes as the case says. */
interface Case {
  readonly name: string
  readonly dialect: keyof typeof DIALECTS
  readonly stream: boolean
  readonly last: number
  readonly behaviour: Behaviour
  readonly user?: string
}

const ALL = (['messages', 'chat', 'responses'] as const).flatMap(dialect =>
  [true, false].map(stream => [dialect, stream] as const),
)

const stack = new AsyncDisposableStack()
let opened: ToolWorld
const cases = new Map<string, Case>()

/** A daemon with prices, and a budget for each user. */
async function openWorld(): Promise<ToolWorld> {
  const directory = await mkdtemp(join(tmpdir(), 'aibridge-parts-'))
  stack.defer(() => rm(directory, { recursive: true }))
  const rates = 'input: 0, output: 100000, cache_read: 0, cache_write_5m: 0'
  const prices = ['type: anthropic, model: "claude*"', 'type: openai, model: "gpt*"'].map(
    whose => `{${whose}, ${rates}}`,
  )
  const poor = ALL.map(([dialect, stream]) => `{user: ${POOR}-${dialect}-${stream}, usd: 1}`)
  const env = {
    CODER_AIBRIDGE_POLICY_FILE: join(directory, 'policy.yaml'),
    CODER_AIBRIDGE_PRICES_FILE: join(directory, 'prices.yaml'),
    CODER_AI_BUDGET_RESERVE: '5',
  }
  const budgets = ['{user: "*", usd: 9000000}', ...poor]
  await writeFile(env.CODER_AIBRIDGE_POLICY_FILE, `budgets: [${budgets.join(', ')}]\n`)
  await writeFile(env.CODER_AIBRIDGE_PRICES_FILE, `prices: [${prices.join(', ')}]\n`)
  const world = stack.use(await startToolWorld({ env }))
  world.world.provider.script(exchange => {
    const one = cases.get(exchange.path)
    if (one === undefined) return undefined
    const turn = exchangesOf(exchange.path).length + 1
    const toolCall = { id: `call_${one.name}_${turn}`, name: TOOL, input: { q: 'the sky' } }
    return turn < one.last ? { toolCall, insists: true } : one.behaviour
  })
  return world
}

function exchangesOf(path: string): readonly Exchange[] {
  return opened.world.provider.exchanges.filter(exchange => exchange.path === path)
}

interface Asked {
  readonly path: string
  readonly user: string
  readonly socket: TLSSocket
}

/** Sends the request of a case, as a user of its own. */
async function ask(one: Case): Promise<Asked> {
  const { daemon } = opened.world
  const { authority, path, body } = DIALECTS[one.dialect]
  const own = `${path}?case=${encodeURIComponent(one.name)}`
  cases.set(own, one)
  const user = one.user ?? one.name
  const connect = { credentials: createCaller(daemon, user).credentials }
  const socket = await openIntercepted(daemon, { authority, connect })
  const host = authority.slice(0, authority.lastIndexOf(':'))
  socket.write(post(own, host, JSON.stringify({ ...body, stream: one.stream })))
  return { path: own, user, socket }
}

/** Its row, and what its user has spent, once it is over. */
async function outcomeOf({ user }: Asked): Promise<{ row: CallRecord; spent: number }> {
  const { daemon } = opened.world
  const { callId } = await daemon.event('call_ended', event => event.user === user)
  const row = await rowOf({ daemon }, callId)
  const purses = await daemon.ask('budgets', { now: Date.now() })
  const purse = purses.find(({ scope }) => scope === `user:${user}`)
  assert.deepEqual([purse?.reserved, purse?.calls], [0, 1])
  return { row, spent: purse?.spent ?? Number.NaN }
}

async function answerOf(asked: Asked): Promise<Answer> {
  const answer = await readAnswer(asked.socket)
  asked.socket.destroy()
  return answer
}

const outputsOf = ({ tokens }: CallRecord): (number | null)[] => tokens.map(({ output }) => output)
const toolsOf = ({ tools }: CallRecord): string[] =>
  tools.map(({ tool, injected }) => `${tool} ${injected}`)
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)

/** Ways in which a provider does not answer. */
const REFUSALS = {
  messages: { what: 'an error', behaviour: { status: 529 }, status: 529, held: 0 },
  chat: {
    what: 'a page',
    behaviour: { status: 502, pieces: ['<html>'], contentType: 'text/html' },
    status: 502,
    held: 0,
  },
  // It had the request, and may have answered it.
  responses: { what: 'silence', behaviour: { cutAfter: 0 }, status: 502, held: RESERVE },
}

/** What a client sees of the last turn before that falls silent. */
const BEGINNING = { messages: 'content_block_start', chat: 'Hello', responses: 'output_item.added' }

describe('an answer that takes several turns', { concurrency: true }, () => {
  before(async () => {
    opened = await openWorld()
  })
  after(() => stack.disposeAsync())

  for (const [dialect, stream] of ALL) {
    const name = (what: string): string => `${what}-${dialect}-${stream}`
    const title = stream ? `a stream of ${dialect}` : dialect

    it(`is paid turn by turn when its client leaves in the fourth: ${title}`, async () => {
      const behaviour = { stallAfter: stream ? 3 : 0 }
      const asked = await ask({ name: name('leave'), dialect, stream, last: 4, behaviour })
      if (stream) {
        for (let text = ''; !text.includes(BEGINNING[dialect]); ) {
          text += String((await once(asked.socket, 'data'))[0])
        }
      } else {
        while (exchangesOf(asked.path).length < 4) await opened.world.provider.nextExchange()
      }
      asked.socket.destroy()
      const { row, spent } = await outcomeOf(asked)
      assert.equal(row.status, 'aborted')
      assert.deepEqual([row.usageComplete, row.usageNote], [false, 'partial'])
      assert.deepEqual(outputsOf(row).slice(0, 3), times(3, WHOLE))
      assert.deepEqual(toolsOf(row), times(3, 'search true'))
      assert.equal(spent, 3 * PART + RESERVE)
    })

    it(`is paid as far as it came when the provider breaks off in the second: ${title}`, async () => {
      const behaviour = stream ? { cutAfter: 3 } : { pieces: ['{', '"x":1', '}'], cutAfter: 2 }
      const asked = await ask({ name: name('cut'), dialect, stream, last: 2, behaviour })
      if (stream) assert.doesNotMatch(String(await readToEnd(asked.socket)), /\r\n0\r\n/)
      else assert.equal((await answerOf(asked)).status, 502)
      const { row, spent } = await outcomeOf(asked)
      assert.deepEqual([row.status, row.reason], ['failed', 'provider_broken'])
      assert.deepEqual([row.usageComplete, row.usageNote], [false, 'partial'])
      assert.equal(outputsOf(row)[0], WHOLE)
      assert.deepEqual(toolsOf(row), ['search true'])
      assert.equal(spent, PART + RESERVE)
    })

    const { what, behaviour, status, held } = REFUSALS[dialect]
    it(`costs no more than it may when the second is not answered: ${title}, ${what}`, async () => {
      const asked = await ask({ name: name('refused'), dialect, stream, last: 2, behaviour })
      const answer = await answerOf(asked)
      assert.equal(answer.status, stream ? 200 : status)
      if (stream) assert.match(answer.text, /"error"/)
      const { row, spent } = await outcomeOf(asked)
      assert.equal(row.status, 'failed')
      assert.equal(row.usageComplete, held === 0)
      assert.deepEqual(outputsOf(row), [WHOLE])
      assert.equal(spent, PART + held)
    })

    it(`ends when the budget is used up, and says so: ${title}`, async () => {
      const user = name(POOR)
      const asked = await ask({
        name: name('budget'),
        dialect,
        stream,
        last: 9,
        behaviour: {},
        user,
      })
      const answer = await answerOf(asked)
      assert.equal(answer.status, stream ? 200 : 429)
      assert.match(answer.text, /The budget for AI calls is used up. Yours for this month starts/)
      assert.match(answer.text, MARKS[dialect])
      if (stream) assert.match(answer.text, USAGE[dialect])
      const { row, spent } = await outcomeOf(asked)
      assert.equal(exchangesOf(asked.path).length, 2)
      assert.deepEqual([row.status, row.reason], ['failed', 'budget_exhausted'])
      assert.equal(row.usageComplete, true)
      assert.deepEqual(outputsOf(row), [WHOLE, WHOLE])
      assert.equal(spent, 2 * PART)
    })
  }

  it('ends when there is no end to it', async () => {
    const asked = await ask({
      name: 'endless',
      dialect: 'chat',
      stream: true,
      last: 99,
      behaviour: {},
    })
    const answer = await answerOf(asked)
    assert.match(answer.text, /"code":"too_many_tool_calls"/)
    const { row, spent } = await outcomeOf(asked)
    assert.deepEqual([row.status, row.reason], ['failed', 'too_many_tool_calls'])
    assert.deepEqual(outputsOf(row), times(26, WHOLE))
    assert.equal(spent, 26 * PART)
  })
})

/** How clients of a dialect know that it is about money. */
const MARKS = {
  messages: /"type":"rate_limit_error"/,
  chat: /"code":"insufficient_quota"/,
  responses: /"code":"insufficient_quota"/,
}

/** The tokens of both turns. */
const USAGE = {
  messages: /event: message_delta\ndata: .*"output_tokens":14\b.*\n\nevent: error\n/,
  chat: /"completion_tokens":14\b.*\n\ndata: {"error"/,
  responses: /event: response.failed\ndata: .*"output_tokens":14\b.*"status":"failed"/,
}
