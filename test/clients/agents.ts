import assert from 'node:assert/strict'
import { PLACEHOLDER_KEY } from '../../src/kernel/provider.ts'
import { markBooks, OWN_KEYS, rowsSince } from './books.ts'
import {
  assertAnswered,
  assertBooked,
  assertKey,
  assertNoTokenLeft,
  type Case,
  type CaseContext,
  type Invocation,
  invoke,
  modelCalls,
} from './case.ts'
import type { Environment } from './environment.ts'
import { ASK, assertRecorded, type ExpectedRecord } from './record.ts'
import { CENTRAL_KEYS, type ProviderName, type World } from './world.ts'

export interface Agent {
  readonly client: string
  readonly packageName: string
  readonly name: string
  readonly provider: Exclude<ProviderName, 'google' | 'bedrock'>
  /** The path of the model call, and the credential that the provider must see there. */
  readonly path: string
  readonly header: string
  readonly key: string
  readonly webSocket?: boolean
  /** What the books say of it; absent for what is tunnelled. */
  readonly record?: Pick<
    ExpectedRecord,
    'format' | 'client' | 'model' | 'sessionHeader' | 'promptMissing'
  >
  readonly command: Invocation['command']
  /** On top of the daemon's environment. */
  env(world: World): Environment
}

const ANTHROPIC = {
  provider: 'anthropic',
  header: 'x-api-key',
  key: CENTRAL_KEYS.anthropic,
} as const
const OPENAI = {
  provider: 'openai',
  header: 'authorization',
  key: `Bearer ${CENTRAL_KEYS.openai}`,
} as const

/** Codex' built-in provider prefers WebSocket; one of our own can be told not to. */
const CODEX_HTTP = [
  'name="plain"',
  'base_url="https://api.openai.com/v1"',
  'env_key="OPENAI_API_KEY"',
  'wire_api="responses"',
  'supports_websockets=false',
].join(',')

const CODEX_RECORD = {
  format: 'responses',
  client: 'Codex',
  model: 'gpt-5',
  sessionHeader: 'session-id',
} as const

export const AGENTS: readonly Agent[] = [
  {
    ...ANTHROPIC,
    client: 'claude',
    packageName: '@anthropic-ai/claude-code',
    name: 'claude',
    path: '/v1/messages',
    command: ['claude', '-p', ASK],
    record: {
      format: 'messages',
      client: 'Claude Code',
      model: 'claude-opus-5-5',
      sessionHeader: 'x-claude-code-session-id',
    },
    env: ({ token }) => ({ ANTHROPIC_API_KEY: token }),
  },
  {
    ...OPENAI,
    client: 'codex (WebSocket)',
    packageName: '@openai/codex',
    name: 'codex-websocket',
    path: '/v1/responses',
    webSocket: true,
    command: ['codex', 'exec', '--skip-git-repo-check', '-m', 'gpt-5', ASK],
    record: CODEX_RECORD,
    env: ({ token }) => ({ OPENAI_API_KEY: token, CODEX_API_KEY: token }),
  },
  {
    ...OPENAI,
    client: 'codex (HTTP)',
    packageName: '@openai/codex',
    name: 'codex-http',
    path: '/v1/responses',
    command: [
      'codex',
      'exec',
      '--skip-git-repo-check',
      '-m',
      'gpt-5',
      '-c',
      'model_provider=plain',
      '-c',
      `model_providers.plain={${CODEX_HTTP}}`,
      ASK,
    ],
    record: CODEX_RECORD,
    env: () => ({ OPENAI_API_KEY: PLACEHOLDER_KEY }),
  },
  {
    ...ANTHROPIC,
    client: 'opencode',
    packageName: 'opencode-ai',
    name: 'opencode',
    path: '/v1/messages',
    command: ['opencode', 'run', '--model', 'anthropic/claude-sonnet-4-5', ASK],
    record: {
      format: 'messages',
      client: 'OpenCode',
      model: 'claude-sonnet-4-5',
      sessionHeader: 'x-session-affinity',
    },
    env: () => ({ ANTHROPIC_API_KEY: PLACEHOLDER_KEY }),
  },
  {
    ...OPENAI,
    client: 'qwen',
    packageName: '@qwen-code/qwen-code',
    name: 'qwen',
    path: '/v1/chat/completions',
    command: ['qwen', '--auth-type', 'openai', '-p', ASK],
    record: { format: 'chat', client: 'Unknown', model: 'gpt-5' },
    env: ({ token }) => ({
      OPENAI_API_KEY: token,
      OPENAI_BASE_URL: 'https://api.openai.com/v1',
      OPENAI_MODEL: 'gpt-5',
    }),
  },
  {
    client: 'copilot (GitHub login)',
    packageName: '@github/copilot',
    name: 'copilot',
    provider: 'copilot',
    path: '/responses',
    header: 'authorization',
    key: `Bearer ${OWN_KEYS.github}`,
    command: ['copilot', '-p', ASK, '--allow-all-tools', '--model', 'gpt-5'],
    record: {
      format: 'responses',
      client: 'GitHub Copilot (CLI)',
      model: 'gpt-5',
      sessionHeader: 'x-client-session-id',
    },
    env: () => ({ GITHUB_TOKEN: OWN_KEYS.github }),
  },
  {
    ...OPENAI,
    client: 'copilot (OpenAI)',
    packageName: '@github/copilot',
    name: 'copilot-openai',
    path: '/v1/chat/completions',
    command: ['copilot', '-p', ASK, '--allow-all-tools'],
    // With a provider of the user's own it names itself OpenAI/JS, without a session.
    record: { format: 'chat', client: 'Unknown', model: 'gpt-5' },
    env: () => ({
      COPILOT_PROVIDER_BASE_URL: 'https://api.openai.com/v1',
      COPILOT_PROVIDER_TYPE: 'openai',
      COPILOT_PROVIDER_API_KEY: PLACEHOLDER_KEY,
      COPILOT_MODEL: 'gpt-5',
    }),
  },
  {
    client: 'gemini (raw tunnel)',
    packageName: '@google/gemini-cli',
    name: 'gemini',
    provider: 'gemini',
    path: '/v1beta/models/gemini-2.5-flash:streamGenerateContent',
    header: 'x-goog-api-key',
    key: OWN_KEYS.gemini,
    command: ['gemini', '-m', 'gemini-2.5-flash', '-p', ASK],
    env: world => ({
      ...world.tunnelledEnv,
      GEMINI_API_KEY: OWN_KEYS.gemini,
      GOOGLE_GEMINI_BASE_URL: world.providers.gemini.url,
      GEMINI_CLI_TRUST_WORKSPACE: 'true',
    }),
  },
]

export function agentNamed(client: string): Agent {
  const found = AGENTS.find(agent => agent.client === client)
  assert.ok(found, client)
  return found
}

export const AGENT_CASES: readonly Case[] = AGENTS.map(agent => ({
  client: agent.client,
  packageName: agent.packageName,
  run: context => runAgent(context, agent),
}))

/** Runs an agent once, and checks provider, books and log. */
export async function runAgent(context: CaseContext, agent: Agent): Promise<string | undefined> {
  const { world } = context
  const provider = world.providers[agent.provider]
  const mark = await markBooks(world)

  const env = { ...world.interceptedEnv, ...agent.env(world) }
  const { stdout } = await invoke(context, { name: agent.name, command: agent.command, env })
  assertAnswered(stdout)

  const calls = await modelCalls(provider, mark.exchanges[agent.provider], agent.path)
  const last = calls.at(-1)
  assert.ok(last)
  assert.equal(last.webSocket, agent.webSocket === true, 'WebSocket')
  assert.equal(last.outcome, 'sent', 'the last model call')
  assertKey(calls, agent.header, agent.key)
  if (agent.provider === 'gemini' || agent.record === undefined) {
    assert.deepEqual(await rowsSince(world, mark), [], 'rows of a tunnelled client')
  } else {
    const { provider: name, path, webSocket = false, record } = agent
    await assertBooked(world, last)
    await assertRecorded(world, mark, { provider: name, path, webSocket, ...record })
  }
  assertNoTokenLeft(world)
  assert.ok(!provider.sawInHeaders(PLACEHOLDER_KEY), 'the provider saw the placeholder')
  return agent.record?.promptMissing
}
