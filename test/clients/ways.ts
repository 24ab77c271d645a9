import assert from 'node:assert/strict'
import { PLACEHOLDER_KEY } from '../../src/kernel/provider.ts'
import { testPki } from '../support/pki.ts'
import { startProvider } from '../support/provider.ts'
import { SQUID_ADDRESS, squidMissing, startSquid } from '../support/squid.ts'
import { AGENTS, type Agent, runAgent } from './agents.ts'
import { markBooks, rowsSince } from './books.ts'
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
import { CENTRAL_KEYS, startWorld, type World } from './world.ts'

const OWN_KEY = 'sk-own-5f0e2d91c7ab'
const SECOND_KEY = 'sk-second-b6d3f8127e40'
const SECOND_HOST = 'second.example'

/** The real agents again: with keys of their own, at a second provider of a type, through squid. */
export const WAY_CASES: readonly Case[] = AGENTS.flatMap(agent => {
  const { client, packageName } = agent
  const hasKey = agent.provider === 'anthropic' || agent.provider === 'openai'
  const ways: readonly (readonly [
    way: string,
    applies: boolean,
    run: (context: CaseContext, agent: Agent) => Promise<string | undefined>,
  ])[] = [
    ['own key', hasKey, withOwnKey],
    ['second provider', hasKey && baseUrlOf(agent) !== undefined, atSecondProvider],
    ['through squid', true, throughSquid],
  ]
  return ways
    .filter(([, applies]) => applies)
    .map(([way, , run]) => ({
      client: `${client}: ${way}`,
      packageName,
      run: (context: CaseContext) => run(context, agent),
    }))
})

/** Bring your own key: it reaches the provider as it is, and the books say whose it was. */
async function withOwnKey(context: CaseContext, agent: Agent): Promise<undefined> {
  const { world } = context
  const mark = await markBooks(world)
  const keys = [world.token, PLACEHOLDER_KEY]
  const env = mapValues({ ...world.interceptedEnv, ...agent.env(world) }, value =>
    keys.includes(value) ? OWN_KEY : value,
  )
  const { stdout } = await invoke(context, { name: agent.name, command: agent.command, env })
  assertAnswered(stdout)
  const provider = world.providers[agent.provider]
  const calls = await modelCalls(provider, mark.exchanges[agent.provider], agent.path)
  assertKey(calls, agent.header, withKey(agent, OWN_KEY))
  assertNoTokenLeft(world)
  const rows = (await rowsSince(world, mark)).filter(row => row['path'] === agent.path)
  assert.deepEqual(
    new Set(rows.map(row => row['credential_kind'])),
    new Set(['byok']),
    'credential_kind',
  )
}

/** Two providers of one type: the host that the agent calls decides, and with it the key. */
async function atSecondProvider(context: CaseContext, agent: Agent): Promise<undefined> {
  await using second = await startProvider()
  const type = agent.provider
  await using world = await startWorld({
    CODER_AIBRIDGE_PROVIDER_5_TYPE: type,
    CODER_AIBRIDGE_PROVIDER_5_NAME: `${type}-second`,
    CODER_AIBRIDGE_PROVIDER_5_KEY: SECOND_KEY,
    CODER_AIBRIDGE_PROVIDER_5_BASE_URL: type === 'openai' ? `${second.url}/v1` : second.url,
    CODER_AIBRIDGE_PROVIDER_5_HOSTS: SECOND_HOST,
    CODER_AIBRIDGE_PROVIDER_5_CA_FILE: testPki().certFile,
  })
  const own = baseUrlOf(agent) ?? ''
  const move = (text: string): string => text.replaceAll(own, `https://${SECOND_HOST}`)
  const [program, ...args] = agent.command
  const { stdout } = await invoke(
    { ...context, world },
    {
      name: agent.name,
      command: [program, ...args.map(move)],
      env: {
        ...world.interceptedEnv,
        ...mapValues(agent.env(world), move),
        ...(type === 'anthropic' && { ANTHROPIC_BASE_URL: `https://${SECOND_HOST}` }),
      },
    },
  )
  assertAnswered(stdout)
  assertKey(await modelCalls(second, 0, agent.path), agent.header, withKey(agent, SECOND_KEY))
  await world.daemon.waitForLine(
    line =>
      line['provider'] === `${type}-second` &&
      line['path'] === agent.path &&
      line['outcome'] === 'completed',
  )
}

/** Behind a company's proxy: all the provider sees is squid. */
async function throughSquid(context: CaseContext, agent: Agent): Promise<string | undefined> {
  assert.equal(squidMissing(), false)
  await using squid = await startSquid()
  await using world = await startWorld({
    CODER_AIBRIDGE_PROXY_UPSTREAM: `http://127.0.0.1:${squid.port}`,
  })
  const unchecked = await runAgent({ ...context, world }, agent)
  assert.deepEqual(peersOf(world), new Set([SQUID_ADDRESS]), 'peers of the providers')
  return unchecked
}

function peersOf({ providers }: World): ReadonlySet<string> {
  return new Set(Object.values(providers).flatMap(({ peers }) => peers))
}

/** What an agent of ours is told of where to call, so that it can be told otherwise. */
function baseUrlOf({ name, command, provider }: Agent): string | undefined {
  if (name === 'claude') return 'https://api.anthropic.com'
  const isTold =
    command.some(word => word.includes('https://api.openai.com')) ||
    name === 'qwen' ||
    name === 'copilot-openai'
  return provider === 'openai' && isTold ? 'https://api.openai.com' : undefined
}

function withKey({ provider, key }: Agent, other: string): string {
  const central = provider === 'anthropic' ? CENTRAL_KEYS.anthropic : CENTRAL_KEYS.openai
  return key.replace(central, other)
}

function mapValues(env: Environment, change: (value: string) => string): Environment {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, change(value)]))
}
