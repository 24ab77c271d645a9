import assert from 'node:assert/strict'
import { join } from 'node:path'
import { PLACEHOLDER_KEY } from '../../src/kernel/provider.ts'
import { ANSWER_PIECES, ANSWER_TEXT } from '../support/dialects/answer.ts'
import { parseJsonObject } from '../support/json.ts'
import type { Exchange } from '../support/provider-exchange.ts'
import { markBooks } from './books.ts'
import {
  assertKey,
  assertNoTokenLeft,
  type Case,
  type CaseContext,
  invoke,
  modelCalls,
} from './case.ts'
import { assertRecorded, type ExpectedRecord } from './record.ts'
import { CENTRAL_KEYS } from './world.ts'

export interface Sdk {
  readonly driver: 'anthropic' | 'openai' | 'responses'
  readonly packageName: string
  readonly provider: 'anthropic' | 'openai'
  readonly path: string
  readonly header: string
  readonly key: string
  readonly record: Pick<ExpectedRecord, 'format' | 'client' | 'model'>
}

const OPENAI = {
  packageName: 'openai',
  provider: 'openai',
  header: 'authorization',
  key: `Bearer ${CENTRAL_KEYS.openai}`,
} as const

export const SDKS: readonly Sdk[] = [
  {
    driver: 'anthropic',
    packageName: '@anthropic-ai/sdk',
    provider: 'anthropic',
    path: '/v1/messages',
    header: 'x-api-key',
    key: CENTRAL_KEYS.anthropic,
    record: { format: 'messages', client: 'Unknown', model: 'claude-sonnet-4-5' },
  },
  {
    ...OPENAI,
    driver: 'openai',
    path: '/v1/chat/completions',
    record: { format: 'chat', client: 'Unknown', model: 'gpt-5' },
  },
  {
    ...OPENAI,
    driver: 'responses',
    path: '/v1/responses',
    record: { format: 'responses', client: 'Unknown', model: 'gpt-5' },
  },
]

export const SDK_CASES: readonly Case[] = SDKS.flatMap(sdk =>
  (['stream', 'blocking'] as const).map(mode => ({
    client: `${sdk.packageName} ${sdk.path.slice(4)} ${mode}`,
    packageName: sdk.packageName,
    run: (context: CaseContext) => runSdk(context, sdk, mode),
  })),
)

async function runSdk(
  context: CaseContext,
  sdk: Sdk,
  mode: 'stream' | 'blocking',
): Promise<undefined> {
  const { world, installDir } = context
  const provider = world.providers[sdk.provider]
  const mark = await markBooks(world)
  const driver = join(import.meta.dirname, 'sdk-driver.mjs')
  const keys = { ANTHROPIC_API_KEY: world.token, OPENAI_API_KEY: PLACEHOLDER_KEY }

  const { stdout } = await invoke(context, {
    name: `${sdk.driver}-${mode}`,
    command: ['node', driver, sdk.driver, mode, installDir],
    env: { ...world.interceptedEnv, ...keys },
  })
  const report = parseJsonObject(stdout)
  const [call] = await modelCalls(provider, mark.exchanges[sdk.provider], sdk.path)
  assert.ok(call)

  assert.equal(report['text'], ANSWER_TEXT)
  assert.equal(report['sent'], call.request.sha256, 'the request body changed on its way')
  assert.equal(report['received'], call.response.sha256, 'the answer changed on its way')
  assertKey([call], sdk.header, sdk.key)
  assertNoTokenLeft(world)
  if (mode === 'stream') assertArrivedAsSent(call, report['arrivals'])
  const streaming = mode === 'stream'
  await assertRecorded(world, mark, {
    provider: sdk.provider,
    path: sdk.path,
    streaming,
    ...sdk.record,
  })
}

/** The first text is there before the last event has left, and no two thirds come at once. */
function assertArrivedAsSent(call: Exchange, arrivals: unknown): void {
  assert.ok(Array.isArray(arrivals))
  const times = arrivals.filter(at => typeof at === 'number')
  assert.equal(times.length, ANSWER_PIECES.length, 'pieces of text')
  const [first = 0, last = 0] = [times.at(0), times.at(-1)]
  const lastSent = call.events.at(-1)?.at ?? 0

  assert.ok(first < lastSent, 'nothing arrived before the whole answer had been sent')
  const gaps = times.slice(1).filter((at, index) => at - (times[index] ?? 0) > 5)
  assert.ok(gaps.length >= times.length / 3, `the text came in ${gaps.length + 1} lumps`)
  assert.ok(last >= first)
}
