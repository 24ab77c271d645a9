import assert from 'node:assert/strict'
import { join } from 'node:path'
import { headerValues } from '../../src/kernel/headers.ts'
import { PLACEHOLDER_KEY } from '../../src/kernel/provider.ts'
import { isSigned } from '../support/aws-signature.ts'
import { ANSWER_TEXT } from '../support/dialects/answer.ts'
import { parseJsonObject } from '../support/json.ts'
import type { Exchange } from '../support/provider-exchange.ts'
import {
  assertAnswered,
  assertKey,
  assertNoTokenLeft,
  type Case,
  type CaseContext,
  invoke,
  modelCalls,
} from './case.ts'
import type { Environment } from './environment.ts'
import { CENTRAL_KEYS, type ProviderName, type World } from './world.ts'

/** A client that has a base-URL route of the daemon, or one of Bedrock's own that is intercepted. */
interface BaseUrlClient {
  readonly client: string
  readonly packageName: string
  readonly name: string
  readonly command: (installDir: string) => readonly [program: string, ...args: string[]]
  readonly env: (route: string, token: string) => Environment
  /** It has the proxy, and no base URL. */
  readonly proxied?: boolean
  readonly provider: ProviderName
  /** At the provider. */
  readonly path: string
  readonly judge: (calls: readonly Exchange[], stdout: string) => void
}

const ASK = 'Say hi and nothing else.'
const MODEL = 'global.anthropic.claude-sonnet-4-5-20250929-v1:0'
const claude = (): readonly [string, ...string[]] => ['claude', '-p', ASK]
const driver = join(import.meta.dirname, 'sdk-driver.mjs')

/** The SDK sent and got what the provider got and sent. */
function judgeSdk(key: readonly [header: string, value: string]): BaseUrlClient['judge'] {
  return (calls, stdout) => {
    const report = parseJsonObject(stdout)
    assert.equal(report['text'], ANSWER_TEXT)
    assert.equal(report['sent'], calls[0]?.request.sha256, 'the request body changed')
    assert.equal(report['received'], calls[0]?.response.sha256, 'the answer changed')
    assertKey(calls, ...key)
  }
}

function judgeSigned(calls: readonly Exchange[], stdout: string): void {
  assertAnswered(stdout)
  for (const call of calls) assert.ok(isSigned(call), "not signed with the operator's keys")
}

const CLAUDE = { packageName: '@anthropic-ai/claude-code', command: claude } as const

const CLIENTS: readonly BaseUrlClient[] = [
  {
    ...CLAUDE,
    client: 'claude (base URL)',
    name: 'claude-base-url',
    env: (route, token) => ({
      ANTHROPIC_BASE_URL: `${route}/anthropic`,
      ANTHROPIC_AUTH_TOKEN: token,
    }),
    provider: 'anthropic',
    path: '/v1/messages',
    judge: (calls, stdout) => {
      assertAnswered(stdout)
      assertKey(calls, 'x-api-key', CENTRAL_KEYS.anthropic)
    },
  },
  {
    ...CLAUDE,
    client: 'claude (base URL, on Bedrock)',
    name: 'claude-translated',
    env: (route, token) => ({ ANTHROPIC_BASE_URL: `${route}/bedrock`, ANTHROPIC_API_KEY: token }),
    provider: 'bedrock',
    path: `/model/${encodeURIComponent(MODEL)}/invoke-with-response-stream`,
    judge: judgeSigned,
  },
  {
    ...CLAUDE,
    client: 'claude (base URL, Bedrock mode)',
    name: 'claude-bedrock',
    env: (route, token) => ({
      CLAUDE_CODE_USE_BEDROCK: '1',
      ANTHROPIC_BEDROCK_BASE_URL: `${route}/bedrock`,
      ANTHROPIC_MODEL: MODEL,
      AWS_BEARER_TOKEN_BEDROCK: token,
      AWS_REGION: 'eu-central-1',
    }),
    provider: 'bedrock',
    path: `/model/${MODEL}/invoke-with-response-stream`,
    judge: judgeSigned,
  },
  {
    ...CLAUDE,
    client: 'claude (Bedrock mode)',
    name: 'claude-bedrock-proxied',
    proxied: true,
    env: () => ({
      CLAUDE_CODE_USE_BEDROCK: '1',
      ANTHROPIC_MODEL: MODEL,
      AWS_BEARER_TOKEN_BEDROCK: PLACEHOLDER_KEY,
      AWS_REGION: 'eu-central-1',
    }),
    provider: 'bedrock',
    path: `/model/${MODEL}/invoke-with-response-stream`,
    judge: judgeSigned,
  },
  {
    client: '@anthropic-ai/sdk (base URL)',
    packageName: '@anthropic-ai/sdk',
    name: 'anthropic-base-url',
    command: dir => ['node', driver, 'anthropic', 'stream', dir],
    env: (route, token) => ({ ANTHROPIC_BASE_URL: `${route}/anthropic`, ANTHROPIC_API_KEY: token }),
    provider: 'anthropic',
    path: '/v1/messages',
    judge: judgeSdk(['x-api-key', CENTRAL_KEYS.anthropic]),
  },
  {
    client: 'openai responses (base URL)',
    packageName: 'openai',
    name: 'openai-base-url',
    command: dir => ['node', driver, 'responses', 'stream', dir],
    env: (route, token) => ({ OPENAI_BASE_URL: `${route}/openai/v1`, OPENAI_API_KEY: token }),
    provider: 'openai',
    path: '/v1/responses',
    judge: judgeSdk(['authorization', `Bearer ${CENTRAL_KEYS.openai}`]),
  },
  {
    client: 'gemini (base URL)',
    packageName: '@google/gemini-cli',
    name: 'gemini',
    command: () => ['gemini', '-m', 'gemini-2.5-flash', '-p', ASK],
    env: (route, token) => ({
      GEMINI_API_KEY: token,
      GOOGLE_GEMINI_BASE_URL: `${route}/google`,
      GEMINI_CLI_TRUST_WORKSPACE: 'true',
    }),
    provider: 'google',
    path: '/v1beta/models/gemini-2.5-flash:streamGenerateContent',
    judge: (calls, stdout) => {
      assertAnswered(stdout)
      assertKey(calls, 'x-goog-api-key', CENTRAL_KEYS.google)
    },
  },
]

export const BASE_URL_CASES: readonly Case[] = CLIENTS.map(client => ({
  client: client.client,
  packageName: client.packageName,
  run: context => runClient(context, client),
}))

async function runClient(context: CaseContext, client: BaseUrlClient): Promise<undefined> {
  const { world, installDir } = context
  const { token, daemon } = world
  const provider = world.providers[client.provider]
  const start = provider.exchanges.length
  const route = `${daemon.apiUrl}/api/v2/aibridge`

  const { stdout } = await invoke(context, {
    name: client.name,
    command: client.command(installDir),
    env: {
      ...(client.proxied === true ? world.interceptedEnv : {}),
      ...client.env(route, token),
      ...QUIET,
    },
  })
  const calls = await modelCalls(provider, start, client.path)
  client.judge(calls, stdout)
  await assertOnRecord(world, client)
  assertNoTokenLeft(world)
  for (const { rawHeaders } of calls) {
    assert.deepEqual(headerValues(rawHeaders, 'coder-session-token'), [])
  }
}

/** Telemetry and updates would leave the machine. */
const QUIET: Environment = {
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  DISABLE_TELEMETRY: '1',
}

/** The daemon's own line says that the call was whole, and whether a CONNECT was before it. */
async function assertOnRecord(
  { daemon }: World,
  { provider, proxied = false }: BaseUrlClient,
): Promise<void> {
  await daemon.waitForLine(
    line =>
      line['provider'] === provider &&
      line['outcome'] === 'completed' &&
      (line['connect_id'] !== undefined) === proxied &&
      line['kind'] === 'bridged',
  )
}
