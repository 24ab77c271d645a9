import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { markBooks } from './books.ts'
import {
  assertKey,
  assertNoTokenLeft,
  type Case,
  type CaseContext,
  invoke,
  modelCalls,
} from './case.ts'
import { GREETING } from './package-servers.ts'
import { ASK, assertRecorded } from './record.ts'
import { CENTRAL_KEYS } from './world.ts'

const PYTHON_REQUESTS = `
import hashlib, json, os, requests
body = json.dumps({"model": "gpt-5", "stream": True,
    "messages": [{"role": "user", "content": "say hi"}]})
answer = requests.post(
    "https://api.openai.com/v1/chat/completions",
    data=body, stream=True, timeout=30,
    headers={"authorization": "Bearer " + os.environ["OPENAI_API_KEY"]},
)
answer.raise_for_status()
received = hashlib.sha256()
for chunk in answer.raw.stream(1024):
    received.update(chunk)
print(hashlib.sha256(body.encode()).hexdigest(), received.hexdigest())
`

export const TOOL_CASES: readonly Case[] = [
  { client: 'curl', versionCommand: ['curl', '--version'], run: runCurl },
  {
    client: 'python requests',
    versionCommand: ['python3', '-c', 'import requests; print(requests.__version__)'],
    run: runPython,
  },
  { client: 'git clone (raw tunnel)', versionCommand: ['git', '--version'], run: runGit },
  { client: 'npm install (raw tunnel)', versionCommand: ['npm', '--version'], run: runNpm },
]

async function runCurl(context: CaseContext): Promise<undefined> {
  const { world } = context
  const mark = await markBooks(world)
  const messages = [{ role: 'user', content: [{ type: 'text', text: ASK }] }]
  const body = JSON.stringify({ model: 'claude-sonnet-4-5', stream: true, messages })

  const { stdout } = await invoke(context, {
    name: 'curl',
    command: [
      'curl',
      '-sSN',
      '--fail-with-body',
      `-Hx-api-key: ${world.token}`,
      '-Hcontent-type: application/json',
      `-d${body}`,
      'https://api.anthropic.com/v1/messages',
    ],
    env: world.interceptedEnv,
  })
  const calls = await modelCalls(
    world.providers.anthropic,
    mark.exchanges.anthropic,
    '/v1/messages',
  )

  assert.equal(calls[0]?.request.text, body)
  assert.equal(calls[0]?.response.sha256, sha256(stdout))
  assertKey(calls, 'x-api-key', CENTRAL_KEYS.anthropic)
  assertNoTokenLeft(world)
  await assertRecorded(world, mark, {
    provider: 'anthropic',
    path: '/v1/messages',
    format: 'messages',
    client: 'Unknown',
    model: 'claude-sonnet-4-5',
  })
}

async function runPython(context: CaseContext): Promise<undefined> {
  const { world } = context
  const mark = await markBooks(world)
  const { stdout } = await invoke(context, {
    name: 'python-requests',
    command: ['python3', '-c', PYTHON_REQUESTS],
    env: { ...world.interceptedEnv, OPENAI_API_KEY: world.token },
  })
  const calls = await modelCalls(
    world.providers.openai,
    mark.exchanges.openai,
    '/v1/chat/completions',
  )

  const [sent, received] = stdout.trim().split(' ')
  assert.equal(sent, calls[0]?.request.sha256, 'the request body changed on its way')
  assert.equal(received, calls[0]?.response.sha256, 'the answer changed on its way')
  assertKey(calls, 'authorization', `Bearer ${CENTRAL_KEYS.openai}`)
  assertNoTokenLeft(world)
  await assertRecorded(world, mark, {
    provider: 'openai',
    path: '/v1/chat/completions',
    format: 'chat',
    client: 'Unknown',
    model: 'gpt-5',
  })
}

async function runGit(context: CaseContext): Promise<undefined> {
  const { origins, tunnelledEnv } = context.world
  const { work } = await invoke(context, {
    name: 'git',
    command: ['git', 'clone', '-q', `${origins.git.url}/repo.git`, 'cloned'],
    env: tunnelledEnv,
  })
  assert.equal(await readFile(join(work, 'cloned/greeting.txt'), 'utf8'), GREETING)
}

async function runNpm(context: CaseContext): Promise<undefined> {
  const { origins, tunnelledEnv } = context.world
  const { work } = await invoke(context, {
    name: 'npm',
    command: ['npm', 'install', '--no-audit', '--no-fund', 'hello-local'],
    env: { ...tunnelledEnv, npm_config_registry: `${origins.npm.url}/` },
  })
  const installed = join(work, 'node_modules/hello-local/greeting.txt')
  assert.equal(await readFile(installed, 'utf8'), GREETING)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
