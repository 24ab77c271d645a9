import assert from 'node:assert/strict'
import type { Behaviour } from '../support/provider-exchange.ts'
import { type Agent, agentNamed } from './agents.ts'
import { assertAnswered, type Case, type CaseContext, invoke } from './case.ts'
import { startWorld, type World } from './world.ts'

const AGENTS = ['claude', 'codex (HTTP)', 'opencode'] as const

/** What the provider does to the first call for a model; it serves the second. */
const FAULTS: Readonly<Record<string, Behaviour>> = {
  '429': { status: 429, headers: { 'retry-after': '1' } },
  '529': { status: 529 },
  '500': { status: 500 },
  'a cut stream': { cutAfter: 3 },
  'a stream that stalls': { stallAfter: 3 },
}

const SPARE_KEY = 'sk-spare-2c9e81d07f35'

/** A real agent gets over what goes wrong at its provider, because it is told of it. */
export const FAILURE_CASES: readonly Case[] = AGENTS.flatMap(name => {
  const agent = agentNamed(name)
  const faults = Object.entries(FAULTS).map(([what, fault]) => ({
    client: `${name}: ${what}`,
    packageName: agent.packageName,
    run: (context: CaseContext) => meetFault(context, agent, fault),
  }))
  const failover = {
    client: `${name}: another key`,
    packageName: agent.packageName,
    run: (context: CaseContext) => meetRefusedKey(context, agent),
  }
  return [...faults, failover]
})

async function meetFault(context: CaseContext, agent: Agent, fault: Behaviour): Promise<undefined> {
  await using world = await startWorld({ CODER_AIBRIDGE_PROXY_STREAM_IDLE_TIMEOUT: '2s' })
  const calls = scriptFirst(world, agent, fault)
  await runIn(context, world, agent)
  assert.ok(calls() > 1, 'the agent has not tried again')
  const { status = 200 } = fault
  const outcome = fault.status === undefined ? 'failed' : 'completed'
  // An agent that asks for a title beside its answer may leave the broken call by itself.
  await world.daemon.waitForLine(
    line =>
      line['path'] === agent.path &&
      line['status'] === status &&
      (line['outcome'] === outcome || line['outcome'] === 'aborted'),
  )
}

async function meetRefusedKey(context: CaseContext, agent: Agent): Promise<undefined> {
  const prefix = `CODER_AIBRIDGE_PROVIDER_${agent.provider === 'anthropic' ? 0 : 1}_`
  const first = agent.key.replace('Bearer ', '')
  await using world = await startWorld({
    [`${prefix}KEY`]: '',
    [`${prefix}KEYS`]: `${first},${SPARE_KEY}`,
  })
  const provider = world.providers[agent.provider]
  provider.script(exchange =>
    exchange.rawHeaders.some(text => text.includes(first)) ? { status: 401 } : undefined,
  )
  await runIn(context, world, agent)
  assert.ok(provider.sawInHeaders(first) && provider.sawInHeaders(SPARE_KEY))
  await world.daemon.waitForLine(
    line =>
      line['path'] === agent.path && line['outcome'] === 'completed' && line['status'] === 200,
  )
  const refused = world.daemon.lines.filter(
    line => line['path'] === agent.path && line['status'] === 401,
  )
  assert.deepEqual(refused, [], 'calls whose client heard of the refused key')
}

/** Breaks the first model call; the result counts them. */
function scriptFirst(world: World, { provider, path }: Agent, fault: Behaviour): () => number {
  let seen = 0
  world.providers[provider].script(exchange => {
    if (exchange.path.split('?')[0] !== path) return undefined
    seen += 1
    return seen === 1 ? fault : undefined
  })
  return () => seen
}

async function runIn(context: CaseContext, world: World, agent: Agent): Promise<void> {
  const env = { ...world.interceptedEnv, ...agent.env(world) }
  const { name, command } = agent
  const { stdout } = await invoke({ ...context, world }, { name, command, env })
  assertAnswered(stdout)
}
