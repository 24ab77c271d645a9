import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { chargesOf } from '../../src/bridge/limits/charges.ts'
import { runUsage } from '../../src/cli/usage.ts'
import type { CallerPolicy } from '../../src/kernel/budget.ts'
import type { Billing } from '../../src/kernel/price.ts'
import { databaseFile } from '../../src/record/database.ts'
import {
  ended,
  intent,
  type OpenedRecorder,
  openRecorder,
  request,
  response,
} from '../record/books-support.ts'
import { temporaryDirectory } from '../record/support.ts'
import { captured } from '../support/command-line.ts'

const NOW = Date.UTC(2026, 10, 21, 12)
const DAY = 86_400_000

async function spend(
  { recorder }: OpenedRecorder,
  user: string,
  model: string,
  daysAgo: number,
  { cost = null, billing = 'metered' }: { cost?: number | null; billing?: Billing } = {},
): Promise<void> {
  const call = intent({ user, at: NOW - daysAgo * DAY, billing })
  await recorder.begin(call)
  recorder.request(call.callId, request({ model }))
  recorder.response(call.callId, response({ model }), cost)
  recorder.finish(ended(call))
}

const policy: CallerPolicy = {
  groups: new Map([['research', new Set(['ada'])]]),
  rules: [],
  budgets: [
    { owner: { kind: 'each' }, limit: 2_000_000_000, period: 'month' },
    { owner: { kind: 'group', group: 'research' }, limit: 50_000_000_000, period: 'day' },
  ],
}

async function usage(stateDir: string, ...args: string[]) {
  const clock = { now: () => NOW, monotonic: () => 0 }
  return await captured(io =>
    runUsage(args, io, { stateDir, clock, policy, budgetPolicy: 'highest' }),
  )
}

async function someUsage(t: TestContext): Promise<string> {
  const opened = await openRecorder(t)
  await spend(opened, 'ada', 'claude-opus-5', 0, { cost: 1_234_567_899_999 })
  await spend(opened, 'ada', 'gpt-6', 1, { cost: 1 })
  await spend(opened, 'eve', 'gpt-6', 40, { billing: 'subscription' })
  const failed = intent({ user: 'eve', at: NOW - DAY })
  await opened.recorder.begin(failed)
  opened.recorder.response(
    failed.callId,
    response({
      usageNote: 'partial',
      usage: { input: 7, output: null, cacheRead: null, cacheWrite: null, extra: {} },
    }),
  )
  opened.recorder.finish(ended(failed, { outcome: 'aborted' }))
  await opened.recorder.flush()
  await opened.recorder[Symbol.asyncDispose]()
  return opened.stateDir
}

test('the table shows who spent what, with totals', async t => {
  const { code, stdout, stderr } = await usage(await someUsage(t))
  assert.equal(code, 0, stderr)
  assert.equal(
    stdout,
    [
      'USER   CALLS  FAILED  INCOMPLETE  INPUT  OUTPUT  CACHE READ  CACHE WRITE  UNPRICED  BY PLAN    COST USD',
      'ada        2       0           0     20      40           6            8         0        0  1,234.5679',
      'eve        2       1           1     17      20           3            4         1        1           -',
      'total      4       1           1     37      60           9           12         1        1  1,234.5679',
      'The cost is without that of UNPRICED calls: put the prices of their models into CODER_AIBRIDGE_PRICES_FILE.',
      '',
    ].join('\n'),
  )
})

test('by model, client, provider and day, within a time and for one user', async t => {
  const stateDir = await someUsage(t)
  const keys = async (...args: string[]): Promise<unknown[]> =>
    JSON.parse((await usage(stateDir, '--format', 'json', ...args)).stdout).map(
      (row: Record<string, unknown>) => [Object.values(row)[0], row['calls']],
    )
  assert.deepEqual(await keys('--by', 'model', '--user', 'ada'), [
    ['claude-opus-5', 1],
    ['gpt-6', 1],
  ])
  assert.deepEqual(await keys('--by', 'day'), [
    ['2026-10-12', 1],
    ['2026-11-20', 2],
    ['2026-11-21', 1],
  ])
  assert.deepEqual(await keys('--by', 'day', '--since', '30d', '--until', '2026-11-20'), [
    ['2026-11-20', 2],
  ])
  assert.deepEqual(await keys('--by', 'provider', '--since', '2026-11-21T00:00:00Z'), [
    ['anthropic', 1],
  ])
  assert.deepEqual(await keys('--by', 'client'), [['Claude Code', 4]])
})

test('as CSV it has the names of the interface', async t => {
  const { stdout } = await usage(await someUsage(t), '--format', 'csv', '--user', 'ada')
  assert.equal(
    stdout,
    'user,calls,failed,incomplete,input_tokens,output_tokens,cache_read_input_tokens,cache_write_input_tokens,unpriced_calls,subscription_calls,cost_usd\r\nada,2,0,0,20,40,6,8,0,0,1234.5679\r\n',
  )
})

test('as JSON a cost is in whole billionths, and null where none is known', async t => {
  const stateDir = await someUsage(t)
  const rows = JSON.parse((await usage(stateDir, '--format', 'json')).stdout)
  assert.deepEqual(
    rows.map((row: Record<string, unknown>) => [
      row['user'],
      row['cost_nano_usd'],
      row['unpriced_calls'],
      row['subscription_calls'],
    ]),
    [
      ['ada', 1_234_567_900_000, 0, 0],
      ['eve', null, 1, 1],
    ],
  )
})

test('a total beyond what a number holds exactly is still told', async t => {
  const opened = await openRecorder(t)
  for (let one = 0; one < 10; one += 1) {
    await spend(opened, 'ada', 'claude-opus-5', 0, { cost: 1_000_000_000_000_000 })
  }
  await opened.recorder[Symbol.asyncDispose]()
  assert.match((await usage(opened.stateDir)).stdout, / 10,000,000\.0000\n/)
})

test('mistakes are all named at once, with what to write instead', async t => {
  const wrong = ['extra', '--by', 'colour', '--since', 'yesterday', '--format', 'xml']
  const { code, stderr } = await usage(await someUsage(t), ...wrong)
  assert.equal(code, 2)
  for (const part of ['extra', '--by must be', '--since must be', '--format must be']) {
    assert.ok(stderr.includes(part), part)
  }
})

test('without records it says where it looked', async t => {
  const { code, stderr } = await usage(temporaryDirectory(t))
  assert.equal(code, 2)
  assert.match(stderr, /there are no records in .*aibridgeproxyd\.db/)
  const stateDir = await someUsage(t)
  assert.equal((await usage(stateDir, '--user', 'nobody')).stdout, 'no calls are on record\n')
  rmSync(databaseFile(stateDir))
  assert.equal((await usage(stateDir)).code, 2)
})

test('shows the budgets of now with what is spent and held of them', async t => {
  const opened = await openRecorder(t)
  const limits = {
    callsPerSecond: 0,
    charges: chargesOf('eve', policy, { choice: 'highest', now: NOW }),
    reserve: 10_000_000,
  }
  const call = intent({ user: 'eve' })
  await opened.recorder.begin(call, limits)
  opened.recorder.response(call.callId, response(), 1_500_000_000)
  await opened.recorder.flush()
  const { stateDir } = opened

  const table = await usage(stateDir, '--budgets')
  assert.deepEqual(table.stdout.replace(/ +/g, ' ').split('\n'), [
    'OWNER PERIOD LIMIT USD SPENT USD HELD USD CALLS RESETS',
    'group:research day 50.0000 0.0000 0.0000 0 2026-11-22T00:00:00.000Z',
    'user:ada month 2.0000 0.0000 0.0000 0 2026-12-01T00:00:00.000Z',
    'user:eve month 2.0000 1.5000 0.0100 0 2026-12-01T00:00:00.000Z',
    '',
  ])
  assert.equal(
    (await usage(stateDir, '--budgets', '--user', 'eve', '--format', 'csv')).stdout,
    'owner,period,period_key,limit_usd,spent_usd,reserved_usd,calls,resets_at\r\n' +
      'user:eve,month,2026-11,2,1.5,0.01,0,2026-12-01T00:00:00.000Z\r\n',
  )
  const json: unknown = JSON.parse((await usage(stateDir, '--budgets', '--format', 'json')).stdout)
  assert.ok(Array.isArray(json) && json.length === 3)
  const wrong = await usage(stateDir, '--budgets', '--by', 'user')
  assert.deepEqual(
    [wrong.code, wrong.stderr],
    [2, 'aibridgeproxyd: --by does not go with --budgets\n'],
  )
})
