/*
 * `npm run test:ledger`: too slow for the suite of the day.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { databaseFile } from '../../src/record/database.ts'
import { temporaryDirectory } from '../record/support.ts'
import { createToken, type DaemonProcess, startDaemonProcess } from '../support/daemon-process.ts'
import { ANSWER_USAGE } from '../support/dialects/answer.ts'
import { parseJsonObject } from '../support/json.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { startProvider } from '../support/provider.ts'
import type { Exchange } from '../support/provider-exchange.ts'
import { aiProvidersEnv, type Callable, openIntercepted } from './ai-world.ts'
import { TOOL, toolServersEnv } from './tool-world.ts'
import { post } from './wire.ts'

const STREAMS = 100
/** Of a whole answer of the stub; with fewer it goes silent. */
const EVENTS = 11
const OUTPUT_NANO = 100_000_000
/** More than any answer costs, so that no average moves it. */
const RESERVE_NANO = 5_000_000_000

/** What the stub said of an answer, and whether that was its last word. */
function said({ path, events }: Exchange) {
  let tokens: { readonly input: number; readonly output: number } | undefined
  let isFinal = false
  for (const { text } of events) {
    const event = parseJsonObject(/^data: (.*)$/m.exec(text)?.[1] ?? '{}')
    const message = event['message'] as { usage: Record<string, number> } | undefined
    const usage = message?.usage ?? (event['usage'] as Record<string, number> | undefined)
    // After it comes nothing that counts.
    isFinal ||= event['type'] === 'message_delta'
    if (usage === undefined) continue
    tokens = { input: usage['input_tokens'] ?? 0, output: usage['output_tokens'] ?? 0 }
  }
  return { tokens, isFinal, isEnded: eventsOf(path) >= EVENTS }
}

function eventsOf(path: string): number {
  return Number(/events=(\d+)/.exec(path)?.[1])
}

/** Calls with an answer of so many events, and waits until the client has them all. */
async function receive(
  daemon: Callable,
  arrived: (id: number) => Promise<void>,
  { id, events }: { readonly id: number; readonly events: number },
): Promise<Disposable> {
  const socket = await openIntercepted(daemon)
  const body = JSON.stringify({ model: 'm', max_tokens: 9, messages: [], stream: true })
  socket.write(post(`/v1/messages?id=${id}&events=${events}`, 'api.anthropic.com', body))
  const isDone = (text: string): boolean =>
    events >= EVENTS ? text.includes('\r\n0\r\n\r\n') : text.split('event: ').length > events
  let text = ''
  const failed = once(socket, 'end').then(() => assert.fail(`call ${id} ended with ${text}`))
  const received = async (): Promise<void> => {
    if (events === 0) return await arrived(id)
    while (!isDone(text)) {
      const [chunk] = (await once(socket, 'data')) as [Buffer]
      text += chunk.toString('latin1')
      assert.match(text, /^HTTP\/1.1 200 /)
    }
  }
  await Promise.race([received(), failed])
  return { [Symbol.dispose]: () => socket.destroy() }
}

/** A tool that the model calls in three turns; the fourth goes silent. */
const SILENT_TURN = 4

interface Purse {
  readonly spent_nano_usd: number
  readonly reserved_nano_usd: number
}

/** The purse of all that were made here, once so much of it is held. */
async function purseHolding(
  daemon: DaemonProcess,
  headers: Readonly<Record<string, string>>,
  reserved: number,
) {
  for (;;) {
    const answer = await fetch(`${daemon.apiUrl}/api/v2/aibridge/budgets`, { headers })
    const { budgets } = (await answer.json()) as { budgets: readonly Purse[] }
    const [purse] = budgets
    if (purse?.reserved_nano_usd === reserved) return purse.spent_nano_usd
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** A budget that nobody uses up, and the prices by which it is. */
function moneyEnv(directory: string): Record<string, string> {
  const policy = join(directory, 'policy.yaml')
  const prices = join(directory, 'prices.yaml')
  writeFileSync(policy, 'budgets: [{user: ada, usd: 9000000, period: month}]\n')
  const rates = 'input: 0, output: 100000, cache_read: 0, cache_write_5m: 0'
  writeFileSync(prices, `prices: [{type: anthropic, model: "m*", ${rates}}]\n`)
  return {
    CODER_AIBRIDGE_POLICY_FILE: policy,
    CODER_AIBRIDGE_PRICES_FILE: prices,
    CODER_AI_BUDGET_RESERVE: '5',
  }
}

async function startLedger(t: TestContext) {
  const stateDir = temporaryDirectory(t)
  const provider = await startProvider({
    gapMs: 0,
    behaviour: ({ path }) => {
      const events = eventsOf(path)
      return events >= EVENTS ? undefined : { stallAfter: events }
    },
  })
  t.after(() => provider[Symbol.asyncDispose]())
  const env = { ...aiProvidersEnv(provider.url), ...moneyEnv(stateDir) }
  const start = async (): Promise<DaemonProcess> => {
    const daemon = await startDaemonProcess({ stateDir, env })
    t.after(() => daemon.stop('SIGKILL'))
    return daemon
  }
  const arrived = async (id: number): Promise<void> => {
    while (!provider.exchanges.some(({ path }) => path.includes(`id=${id}&`))) {
      await provider.nextExchange()
    }
  }
  return { stateDir, provider, start, arrived }
}

test('a hundred streams that break off anywhere leave the totals that the provider says, also after SIGKILL', async t => {
  const { stateDir, provider, start, arrived } = await startLedger(t)
  const daemon = await start()
  const token = await createToken(daemon, 'ada', '--admin')
  const headers = { 'Coder-Session-Token': token }
  const certificate = await fetch(`${daemon.apiUrl}/api/v2/aibridge/proxy/ca-cert.pem`)
  const through = {
    proxy: daemon.proxy,
    credentials: `ada:${token}`,
    caPem: await certificate.text(),
  }
  /** A third goes on to the end, the others go silent after any number of events. */
  const planned = (id: number) => {
    const events = id % 3 === 0 ? EVENTS : Math.floor(Math.random() * EVENTS)
    return { id, events }
  }
  const round = (first: number) =>
    Promise.all(
      Array.from({ length: STREAMS }, (_, index) =>
        receive(through, arrived, planned(first + index)),
      ),
    )
  /** What calls take of the budget: what they cost, or what was held where that is not known. */
  const due = (
    exchanges: readonly Exchange[],
    isKnown: (of: ReturnType<typeof said>) => boolean,
  ) => {
    const known = exchanges.map(said).filter(isKnown)
    const tokens = known.reduce((sum, one) => sum + (one.tokens?.output ?? 0), 0)
    return tokens * OUTPUT_NANO + (exchanges.length - known.length) * RESERVE_NANO
  }

  for (const client of await round(0)) client[Symbol.dispose]()
  const first = due(provider.exchanges, ({ isFinal }) => isFinal)
  assert.equal(await purseHolding(daemon, headers, 0), first)

  const clients = await round(STREAMS)
  const second = provider.exchanges.slice(STREAMS)
  const open = second.filter(exchange => !said(exchange).isEnded).length
  await purseHolding(daemon, headers, open * RESERVE_NANO)
  assert.equal(await daemon.stop('SIGKILL'), 'SIGKILL')
  for (const client of clients) client[Symbol.dispose]()
  const next = await start()
  assert.equal(await purseHolding(next, headers, 0), first + due(second, ({ isEnded }) => isEnded))

  using database = new DatabaseSync(databaseFile(stateDir), { readOnly: true })
  const sums = database.prepare(
    'SELECT sum(input) AS input, sum(output) AS output, count(*) AS n FROM token_usages',
  )
  // Answers that were cut by the kill were not told yet.
  const told = provider.exchanges
    .filter((exchange, index) => index < STREAMS || said(exchange).isEnded)
    .flatMap(exchange => said(exchange).tokens ?? [])
  assert.deepEqual(
    { ...sums.get() },
    {
      input: told.reduce((sum, { input }) => sum + input, 0),
      output: told.reduce((sum, { output }) => sum + output, 0),
      n: told.length,
    },
  )
  const aborted = provider.exchanges
    .slice(0, STREAMS)
    .filter(exchange => !said(exchange).isEnded).length
  const statuses = database.prepare(
    'SELECT status, count(*) AS n FROM interceptions GROUP BY status ORDER BY status',
  )
  assert.deepEqual(
    statuses.all().map(row => Object.values(row)),
    [
      ['aborted', aborted],
      ['completed', 2 * STREAMS - aborted - open],
      ['interrupted', open],
    ],
  )
})

test('turns of an answer that ended are on record and paid, however the daemon goes in the next one', async t => {
  const stateDir = temporaryDirectory(t)
  const provider = await startProvider({
    gapMs: 0,
    behaviour: ({ path }) => {
      const turn = provider.exchanges.filter(exchange => exchange.path === path).length + 1
      const toolCall = { id: `call_${path}_${turn}`, name: TOOL, input: { q: 'the sky' } }
      return turn < SILENT_TURN ? { toolCall, insists: true } : { stallAfter: 3 }
    },
  })
  t.after(() => provider[Symbol.asyncDispose]())
  const tools = await startMcpServer()
  t.after(() => tools[Symbol.asyncDispose]())
  const files = await toolServersEnv(stateDir, tools)
  const env = { ...aiProvidersEnv(provider.url), ...moneyEnv(stateDir), ...files }
  const start = async () => {
    const daemon = await startDaemonProcess({ stateDir, env })
    t.after(() => daemon.stop('SIGKILL'))
    return daemon
  }
  let daemon = await start()
  const token = await createToken(daemon, 'ada', '--admin')
  const headers = { 'Coder-Session-Token': token }
  const begin = async (id: number) => {
    const { proxy, apiUrl } = daemon
    const certificate = await fetch(`${apiUrl}/api/v2/aibridge/proxy/ca-cert.pem`)
    const caPem = await certificate.text()
    const socket = await openIntercepted({ proxy, credentials: `ada:${token}`, caPem })
    const messages = [{ role: 'user', content: 'x' }]
    const body = JSON.stringify({ model: 'm', max_tokens: 9, messages, stream: true })
    socket.write(post(`/v1/messages?id=${id}`, 'api.anthropic.com', body))
    for (let text = ''; !text.includes('content_block_start'); ) {
      text += String((await once(socket, 'data'))[0])
    }
  }

  const turns = (SILENT_TURN - 1) * ANSWER_USAGE.output * OUTPUT_NANO
  const first = turns + RESERVE_NANO
  await begin(1)
  assert.equal(await daemon.stop('SIGKILL'), 'SIGKILL')
  daemon = await start()
  assert.equal(await purseHolding(daemon, headers, 0), first)
  // It holds the same: its answers have cost less than the reserve so far.
  const second = first
  await begin(2)
  // The second signal does not wait for what is open.
  const stopping = daemon.stop('SIGTERM')
  await daemon.waitForLine(line => String(line['msg']).includes('drain'))
  daemon.child.kill('SIGTERM')
  await stopping
  daemon = await start()
  assert.equal(await purseHolding(daemon, headers, 0), first + second)

  using database = new DatabaseSync(databaseFile(stateDir), { readOnly: true })
  const all = (sql: string) =>
    database
      .prepare(sql)
      .all()
      .map(row => Object.values(row))
  assert.deepEqual(all('SELECT status, usage_complete, usage_note FROM interceptions'), [
    ['interrupted', 0, 'missing'],
    ['aborted', 0, 'partial'],
  ])
  const whole = ANSWER_USAGE.output
  assert.deepEqual(all('SELECT output FROM token_usages').flat(), [
    whole,
    whole,
    whole,
    whole,
    whole,
    whole,
    1,
  ])
  assert.deepEqual(all('SELECT tool, injected, count(*) FROM tool_usages'), [['search', 1, 6]])
})
