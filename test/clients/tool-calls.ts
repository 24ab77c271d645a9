import assert from 'node:assert/strict'
import { join } from 'node:path'
import { PLACEHOLDER_KEY } from '../../src/kernel/provider.ts'
import { ANSWER_TEXT, type ToolCall } from '../support/dialects/answer.ts'
import { type JsonObject, parseJsonObject } from '../support/json.ts'
import { markBooks, objectsIn, readBooks } from './books.ts'
import { assertAnswered, type Case, type CaseContext, invoke } from './case.ts'
import { ASK, assertRecorded } from './record.ts'
import { SDKS, type Sdk } from './sdks.ts'
import type { World } from './world.ts'

/** Runs in which the model wants a tool used: two calls that belong together. */
export const TOOL_CALL_CASES: readonly Case[] = [
  ...SDKS.flatMap(sdk =>
    (['stream', 'blocking'] as const).map(mode => ({
      client: `${sdk.packageName} ${sdk.path.slice(4)} tool call, ${mode}`,
      packageName: sdk.packageName,
      run: (context: CaseContext) => runSdk(context, sdk, mode),
    })),
  ),
  {
    client: 'claude tool call',
    packageName: '@anthropic-ai/claude-code',
    run: runClaude,
  },
]

async function runSdk(
  context: CaseContext,
  sdk: Sdk,
  mode: 'stream' | 'blocking',
): Promise<undefined> {
  const { world, installDir } = context
  const mark = await markBooks(world)
  const toolCall = {
    id: `call_${sdk.driver}_${mode}`,
    name: 'look_up',
    input: { place: 'Łódź', days: [1, 2], note: 'a "quoted" \\ word' },
  }
  using _ = answeringWith(world, sdk.provider, toolCall)
  const { stdout } = await invoke(context, {
    name: `tool-${sdk.driver}-${mode}`,
    command: [
      'node',
      join(import.meta.dirname, 'sdk-tools-driver.mjs'),
      sdk.driver,
      mode,
      installDir,
    ],
    env: {
      ...world.interceptedEnv,
      ANTHROPIC_API_KEY: world.token,
      OPENAI_API_KEY: PLACEHOLDER_KEY,
    },
  })
  assert.deepEqual(parseJsonObject(stdout), { called: toolCall, text: ANSWER_TEXT })

  const streaming = mode === 'stream'
  const { provider, path, record } = sdk
  const calls = await assertRecorded(world, mark, { provider, path, streaming, ...record })
  await assertThread(world, calls, toolCall)
}

/** The agent itself runs the command that the model asks for. */
async function runClaude(context: CaseContext): Promise<undefined> {
  const { world } = context
  const mark = await markBooks(world)
  const toolCall = { id: 'toolu_claude', name: 'Bash', input: { command: 'echo done' } }
  using _ = answeringWith(world, 'anthropic', toolCall)
  const { stdout } = await invoke(context, {
    name: 'claude-tool',
    command: [
      'claude',
      '--model',
      'claude-sonnet-4-5',
      '--allowed-tools',
      'Bash(echo:*)',
      '-p',
      ASK,
    ],
    env: { ...world.interceptedEnv, ANTHROPIC_API_KEY: world.token },
  })
  assertAnswered(stdout)

  const calls = await assertRecorded(world, mark, {
    provider: 'anthropic',
    path: '/v1/messages',
    format: 'messages',
    client: 'Claude Code',
    model: 'claude-sonnet-4-5',
    sessionHeader: 'x-claude-code-session-id',
  })
  await assertThread(world, calls, toolCall)
}

function answeringWith(world: World, name: Sdk['provider'], toolCall: ToolCall): Disposable {
  const provider = world.providers[name]
  provider.script(() => ({ toolCall }))
  return { [Symbol.dispose]: () => provider.script(undefined) }
}

/** The first call has the tool on its row, and the second is tied to it. */
async function assertThread(
  world: World,
  calls: readonly JsonObject[],
  toolCall: ToolCall,
): Promise<void> {
  const [first, second, ...more] = calls
  assert.ok(first && second)
  assert.equal(more.length, 0, 'further model calls')
  assertTools(objectsIn(first, 'tool_usages'), toolCall)
  assert.deepEqual(objectsIn(second, 'tool_usages'), [], 'tools of the second call')
  assert.deepEqual(objectsIn(second, 'user_prompts'), [], 'prompts of the second call')

  const link = {
    tool: second['correlating_tool_call_id'],
    parent: second['thread_parent_id'],
    root: second['thread_root_id'],
    session: second['session_id'],
  }
  const expected = {
    tool: toolCall.id,
    parent: first['id'],
    root: first['id'],
    session: first['session_id'],
  }
  assert.deepEqual(link, expected, 'what ties the second call to the first')

  const session = await readBooks(world, `sessions/${String(first['session_id'])}`)
  const [thread, ...others] = objectsIn(session, 'threads')
  assert.ok(thread)
  assert.equal(others.length, 0, 'further threads')
  assert.ok(String(thread['prompt']).includes(ASK), 'prompt of the thread')
  const [action] = objectsIn(thread, 'agentic_actions')
  assert.ok(action)
  assertTools(objectsIn(action, 'tool_calls'), toolCall)
}

function assertTools(tools: readonly JsonObject[], { id, name, input }: ToolCall): void {
  const seen = tools.map(tool => ({
    id: tool['tool_call_id'],
    name: tool['tool'],
    input: parseJsonObject(String(tool['input'])),
  }))
  assert.deepEqual(seen, [{ id, name, input }], 'tools on record')
}
