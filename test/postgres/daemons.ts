import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { firstHeader } from '../../src/kernel/headers.ts'
import { ANTHROPIC_KEY, providersEnv } from '../flow/ai-world.ts'
import { type Answer, exchangeOn, post } from '../flow/wire.ts'
import { temporaryDirectory } from '../record/support.ts'
import {
  createToken,
  type DaemonProcess,
  daemonEnv,
  runCommand,
  startDaemonProcess,
} from '../support/daemon-process.ts'
import { startBalancer } from '../support/haproxy.ts'
import { startPostgres } from '../support/postgres.ts'
import { type Provider, startProvider } from '../support/provider.ts'
import { connectThrough, secureOver } from '../support/raw-client.ts'

const postgres = await startPostgres()
after(() => postgres[Symbol.asyncDispose]())
const HOST = 'api.anthropic.com'
const BODY = JSON.stringify({
  model: 'claude-opus-5',
  max_tokens: 8,
  messages: [{ role: 'user', content: 'hi' }],
})

/** Two that come to a new database at the same moment. */
async function startDaemons(
  stack: AsyncDisposableStack,
  provider: Provider,
  url: string,
  further: Readonly<Record<string, string>> = {},
): Promise<[DaemonProcess, DaemonProcess]> {
  const env = {
    ...further,
    ...providersEnv({ type: 'anthropic', key: ANTHROPIC_KEY, url: provider.url }),
    CODER_PG_CONNECTION_URL: url,
  }
  const start = async (): Promise<DaemonProcess> => stack.use(await startDaemonProcess({ env }))
  return await Promise.all([start(), start()])
}

/** One message on a connection of its own; throws when the daemon is not there any more. */
async function ask(
  daemon: Pick<DaemonProcess, 'proxy' | 'stateDir'>,
  token: string,
  agent = 'test',
): Promise<Answer> {
  const credentials = `ada:${token}`
  const { head, socket } = await connectThrough(daemon.proxy, `${HOST}:443`, { credentials })
  if (head.status !== 200) throw new Error(`CONNECT was answered ${head.status}`)
  const ca = readFileSync(join(daemon.stateDir, 'ca.pem'), 'utf8')
  const secure = await secureOver(socket, { ca, servername: HOST })
  try {
    return await exchangeOn(
      secure,
      post('/v1/messages', HOST, BODY, [`User-Agent: ${agent}`, 'Connection: close']),
    )
  } finally {
    secure.destroy()
  }
}

async function eventually<T>(
  what: string,
  limitMs: number,
  look: () => Promise<T | undefined>,
): Promise<T> {
  const start = performance.now()
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    assert.ok(performance.now() - start < limitMs, `${what}: not within ${limitMs} ms`)
    await delay(50)
  }
}

const agentsOf = ({ exchanges }: Provider): string[] =>
  exchanges.map(({ rawHeaders }) => firstHeader(rawHeaders, 'user-agent') ?? '')

test('of two daemons under load one is killed: nothing that was sent is lost', async () => {
  await using provider = await startProvider({ gapMs: 20 })
  const url = postgres.createDatabase()
  await using daemons = new AsyncDisposableStack()
  const [first, second] = await startDaemons(daemons, provider, url)
  const token = await createToken(first, 'ada')

  let loading = true
  let asked = 0
  const load = async (daemon: DaemonProcess): Promise<void> => {
    for (;;) {
      if (!loading) return
      asked += 1
      const answer = await ask(daemon, token, `probe-${asked}`).catch(() => undefined)
      if (answer === undefined && daemon === first) return
      if (daemon === second) assert.equal(answer?.status, 200, 'the living one goes on')
    }
  }
  const workers = [first, second].flatMap(daemon => Array.from({ length: 6 }, () => load(daemon)))
  await eventually('load', 10_000, async () => (provider.exchanges.length > 60 ? true : undefined))
  await first.stop('SIGKILL')
  const atKill = provider.exchanges.length
  await eventually('more load', 10_000, async () =>
    provider.exchanges.length > atKill + 30 ? true : undefined,
  )
  loading = false
  await Promise.all(workers)
  // A third daemon finds the dead one at its start.
  const env = { ...second.env, CODER_AIBRIDGE_PROXY_STATE_DIR: first.stateDir }
  await using _third = await startDaemonProcess({ env, stateDir: first.stateDir })
  await second.stop()

  const rows = postgres.rows(url, 'SELECT user_agent, status, usage_complete FROM interceptions')
  const known = new Set(rows.map(row => row['user_agent']))
  assert.deepEqual(
    agentsOf(provider).filter(agent => !known.has(agent)),
    [],
  )
  const statuses = new Set(rows.map(row => row['status']))
  assert.ok(statuses.has('interrupted'), 'the calls of the dead one are closed')
  assert.equal(statuses.has('in_progress'), false)
  const doubled = postgres.rows(
    url,
    'SELECT interception FROM token_usages GROUP BY interception HAVING count(*) > 1',
  )
  assert.deepEqual(doubled, [])
  const usage = await runCommand(['usage', '--format', 'json'], second.env)
  assert.equal(JSON.parse(usage.stdout)[0].calls, rows.length, 'and usage counts them all')
})

test('behind the load balancer of deploy/ clients do not notice that a daemon died', async () => {
  await using provider = await startProvider({ gapMs: 1 })
  await using daemons = new AsyncDisposableStack()
  const url = postgres.createDatabase()
  const [maker] = await startDaemons(daemons, provider, url)
  const ca = (name: string): string => join(maker.stateDir, name)
  const env = {
    CODER_AIBRIDGE_PROXY_CERT_FILE: ca('ca.pem'),
    CODER_AIBRIDGE_PROXY_KEY_FILE: ca('ca.key'),
  }
  const both = await startDaemons(daemons, provider, url, env)
  const balancer = await startBalancer(both)
  daemons.defer(() => balancer.stop())
  const front = { proxy: balancer.address, stateDir: maker.stateDir }
  const token = await createToken(maker, 'ada')
  for (let calls = 0; calls < 10; calls += 1) {
    assert.equal((await ask(front, token)).status, 200)
  }
  await both[0].stop('SIGKILL')
  for (let calls = 0; calls < 20; calls += 1) {
    assert.equal((await ask(front, token)).status, 200, `call ${calls}`)
  }
  const used = postgres.rows(url, 'SELECT DISTINCT instance FROM interceptions')
  assert.equal(used.length, 2, 'both daemons had calls')
})

test('a token that is made at one daemon is good at the other, and revoked at both within a second', async () => {
  await using provider = await startProvider({ gapMs: 1 })
  const url = postgres.createDatabase()
  await using daemons = new AsyncDisposableStack()
  const both = await startDaemons(daemons, provider, url)
  const [first, second] = both
  const token = await createToken(first, 'ada')
  for (const daemon of both) assert.equal((await ask(daemon, token)).status, 200)
  const listed = await runCommand(['token', 'list', '--json'], second.env)
  const id = JSON.parse(listed.stdout).find((row: { name: string }) => row.name === '').id
  const revoked = await runCommand(['token', 'revoke', id], second.env)
  assert.equal(revoked.code, 0)
  for (const daemon of both) {
    // A second is what we promise; another is for a machine that is busy with tests.
    await eventually('revoked', 2000, async () =>
      ask(daemon, token).then(
        () => undefined,
        (error: Error) => (/407/.test(error.message) ? true : undefined),
      ),
    )
  }
})

test('two daemons share a budget to the last call', async t => {
  await using provider = await startProvider({ gapMs: 1 })
  const url = postgres.createDatabase()
  const directory = temporaryDirectory(t)
  const policy = join(directory, 'policy.yaml')
  const prices = join(directory, 'prices.yaml')
  // An answer is 7 tokens of output: 0.70 dollars, which is also what a call holds.
  const rates = 'input: 0, output: 100000, cache_read: 0, cache_write_5m: 0'
  writeFileSync(policy, 'budgets: [{user: ada, usd: 5, period: month}]\n')
  writeFileSync(prices, `prices: [{type: anthropic, model: "claude-*", ${rates}}]\n`)
  await using daemons = new AsyncDisposableStack()
  const both = await startDaemons(daemons, provider, url, {
    CODER_AIBRIDGE_POLICY_FILE: policy,
    CODER_AIBRIDGE_PRICES_FILE: prices,
    CODER_AI_BUDGET_RESERVE: '0.70',
  })
  const token = await createToken(both[0], 'ada')
  const answers = await Promise.all(
    both.flatMap(daemon => Array.from({ length: 20 }, () => ask(daemon, token))),
  )
  const statuses = answers.map(({ status }) => status)
  assert.equal(statuses.filter(status => status === 200).length, 8)
  assert.equal(statuses.filter(status => status === 429).length, 32)
  assert.equal(provider.exchanges.length, 8)
  const purse = await eventually('settled', 5000, async () =>
    postgres
      .rows(url, 'SELECT spent, reserved, calls FROM budget_purses')
      .find(row => row['reserved'] === 0),
  )
  assert.deepEqual(purse, { spent: 5.6e9, reserved: 0, calls: 8 })
})

test('without its server a daemon says so though nobody calls, fails closed, and recovers', async () => {
  await using provider = await startProvider({ gapMs: 1 })
  await using server = await startPostgres()
  const url = server.createDatabase()
  await using daemons = new AsyncDisposableStack()
  const [daemon] = await startDaemons(daemons, provider, url)
  const token = await createToken(daemon, 'ada')
  assert.equal((await ask(daemon, token)).status, 200)

  await server.stop('immediate')
  const { problem } = await daemon.waitForLine(line => line['msg'] === 'tokens cannot be looked up')
  assert.match(String(problem), /ENOENT|shutting down/)
  const down = await eventually('refused', 5000, async () => {
    const answer = await ask(daemon, token).catch((error: Error) => error)
    return answer instanceof Error || answer.status !== 200 ? answer : undefined
  })
  assert.ok(down instanceof Error ? /503/.test(down.message) : down.status === 503)
  const seen = provider.exchanges.length
  const again = await ask(daemon, token).catch((error: Error) => error)
  assert.match(again instanceof Error ? again.message : again.head.startLine, /503/)
  assert.equal(provider.exchanges.length, seen, 'nothing goes out unrecorded')
  await eventually('not ready', 8000, async () =>
    (await fetch(`${daemon.apiUrl}/readyz`)).status === 503 ? true : undefined,
  )

  await server.start()
  await eventually('recovered', 10_000, async () =>
    ask(daemon, token).then(
      answer => (answer.status === 200 ? true : undefined),
      () => undefined,
    ),
  )
  await eventually('ready', 10_000, async () =>
    (await fetch(`${daemon.apiUrl}/readyz`)).status === 200 ? true : undefined,
  )
  await daemon.waitForLine(line => line['msg'] === 'tokens can be looked up again')
  await daemon.waitForLine(line => line['msg'] === 'records cannot be written')
  await daemon.waitForLine(line => line['msg'] === 'records can be written again')
})

test('a server that cannot be used refuses the start with what to do, and never shows the password', async () => {
  const password = 'canary-9917'
  const directory = new URL(postgres.createDatabase()).searchParams.get('host') ?? ''
  const cases: readonly (readonly [url: string, problem: RegExp])[] = [
    [
      `postgres://postgres:${password}@localhost/nowhere?host=${directory}`,
      /database does not exist/,
    ],
    [`postgres://postgres:${password}@127.0.0.1:1/test`, /ECONNREFUSED/],
    [`postgres://nobody:${password}@localhost/test1?host=${directory}`, /refuses the user/],
    [`postgres://u:${password}@db.example/d?sslmode=prefer`, /sslmode is not accepted/],
  ]
  await Promise.all(
    cases.map(async ([url, problem]) => {
      const { code, stderr } = await runCommand(['token', 'list'], {
        ...daemonEnv(directory),
        CODER_AIBRIDGE_PROXY_STATE_DIR: '/tmp/never-made',
        CODER_PG_CONNECTION_URL: url,
      })
      assert.equal(code, 2, stderr)
      assert.match(stderr, problem)
      assert.equal(stderr.includes(password), false)
    }),
  )
})
