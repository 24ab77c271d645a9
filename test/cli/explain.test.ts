import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import * as fc from 'fast-check'
import { PROVIDER_TYPES } from '../../src/bridge/providers/registry.ts'
import { explain } from '../../src/cli/explain.ts'
import { loadConfig } from '../../src/config/load.ts'
import { aiProvidersEnv } from '../flow/ai-world.ts'
import { createCaller } from '../flow/callers.ts'
import { exchangeOn, post, requestText } from '../flow/wire.ts'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { daemonEnv } from '../support/daemon-process.ts'
import { type Provider, startProvider } from '../support/provider.ts'
import { connectThrough, secureOver } from '../support/raw-client.ts'

const HOSTS = [
  ...Array.from({ length: 6 }, () => 'api.anthropic.com'),
  'API.OpenAI.com',
  'a.example',
  'b.a.example',
  'x.local',
  'one',
  '192.0.2.1',
  '[2001:db8::1]',
  'a.example.',
]
const PATTERNS = ['a.example', '*.a.example', '*.example', 'a.example:443', '*.anthropic.com:80']
const MODELS = ['claude-*', 'gpt-5', '*']
const PATHS = [
  '/v1/messages',
  '/v1/chat/completions',
  '/v1/models',
  '/v1/../x',
  '/v1beta/models/gemini:generateContent',
  '/v1/messages?x=?&model=gpt-5',
  '//x',
  '/v1/models#x',
]

const some = (values: readonly string[]) => fc.option(fc.subarray([...values]), { nil: undefined })
const rule = fc
  .record({
    tunnels: fc.option(fc.constantFrom('allow', 'deny', 'allowlist'), { nil: undefined }),
    deny_hosts: some(PATTERNS),
    allow_hosts: some(PATTERNS),
    providers: some(['anthropic', 'openai']),
    models: some(MODELS),
  })
  .filter(says => Object.values(says).some(value => value !== undefined))
  .chain(says =>
    fc
      .record({
        about: fc.constantFrom<object>(
          { user: 'bob' },
          { user: 'eve' },
          { user: '*' },
          { members_of: 'lab' },
        ),
        shadow: fc.boolean(),
      })
      .map(({ about, shadow }) => ({ ...about, ...says, shadow })),
  )
const question = fc.record({
  user: fc.constantFrom('bob', 'eve'),
  host: fc.constantFrom(...HOSTS),
  port: fc.constantFrom(443, 443, 443, 443, 80, 8443),
  method: fc.constantFrom('GET', 'GET', 'POST', 'POST', 'TRACE'),
  path: fc.constantFrom(...PATHS),
})

describe('what check --explain says', () => {
  const opened = new AsyncDisposableStack()
  const directory = mkdtempSync(join(tmpdir(), 'aibridge-explain-'))
  const file = join(directory, 'policy.yaml')
  let provider: Provider
  let daemon: TestDaemon
  let env: Record<string, string>
  const tokens = new Map<string, string>()
  before(async () => {
    provider = opened.use(await startProvider({ gapMs: 1 }))
    writeFileSync(file, 'rules: []')
    env = { ...aiProvidersEnv(provider.url), CODER_AIBRIDGE_POLICY_FILE: file }
    // Every name is on loopback, so that nothing is dialled and a tunnel shows.
    const lookup = async () => await Promise.resolve([{ address: '127.0.0.1', family: 4 }])
    daemon = opened.use(await startTestDaemon({ env, lookup }))
    for (const user of ['bob', 'eve']) tokens.set(user, createCaller(daemon, user).token)
  })
  after(async () => {
    await opened.disposeAsync()
    rmSync(directory, { recursive: true })
  })

  it('is what is served, for random rules, users, targets and requests', async () => {
    const property = fc.asyncProperty(
      fc.array(rule, { maxLength: 3 }),
      fc.array(question, { minLength: 16, maxLength: 16 }),
      async (rules, questions) => {
        writeFileSync(file, JSON.stringify({ groups: { lab: ['eve'] }, rules }))
        await daemon.reload(env)
        const { settings } = loadConfig({
          flags: {},
          env: { ...daemonEnv(daemon.stateDir), ...env },
          types: PROVIDER_TYPES,
          home: daemon.stateDir,
        })
        for (const asked of questions) {
          const target = `${asked.host}:${asked.port}`
          const text = explain(
            { ...asked, groups: [], model: 'claude-5', target, request: asked },
            settings,
          )
          assert.deepEqual(await served(asked), told(text), JSON.stringify({ asked, text }))
        }
      },
    )
    await fc.assert(property, { numRuns: 6, endOnFailure: true })
  })

  /** The verdict, what rules on trial say to it, and where the request inside goes or why not. */
  function told(text: string): readonly string[] {
    const lines = text.split('\n')
    const find = (start: RegExp, found: RegExp): string | undefined =>
      found.exec(lines.find(line => start.test(line)) ?? '')?.[1]
    const refused = /: refused, \d+ (\w+):/
    const trial = find(/^on trial/, refused) ?? ''
    const [first = ''] = lines
    if (!first.includes(': intercepted')) {
      return [refused.exec(first)?.[1] ?? /: (tunnel)led/.exec(first)?.[1] ?? '', trial, '']
    }
    // A body names the model that was asked about.
    const model = find(/^POST/, /^(POST)/) && find(/^model/, /^model \S+: refused, \d+ (\w+):/)
    const call = /^(?:GET|POST|TRACE)/
    return ['intercepted', trial, find(call, refused) ?? model ?? find(call, / to (\S+?),/) ?? '']
  }

  async function served({
    user,
    host,
    port,
    method,
    path,
  }: typeof question extends fc.Arbitrary<infer Q> ? Q : never): Promise<readonly string[]> {
    const seen = daemon.events.length
    const { head, socket } = await connectThrough(daemon.proxy, `${host}:${port}`, {
      credentials: `x:${tokens.get(user)}`,
    })
    const trial = daemon.events
      .slice(seen)
      .flatMap(event => (event.type === 'shadow_refusal' ? [event.reason] : []))
    const reason = head.header('x-aibridge-reason')
    if (reason !== undefined) {
      socket.destroy()
      return [reason === 'loopback' ? 'tunnel' : reason, trial[0] ?? '', '']
    }
    const secure = await secureOver(socket, {
      servername: host.toLowerCase(),
      ca: daemon.caPem,
      ALPNProtocols: ['http/1.1'],
    })
    const at = port === 443 ? host : `${host}:${port}`
    const answered = provider.exchanges.length
    const request =
      method === 'POST'
        ? post(path, at, '{"model":"claude-5"}')
        : requestText(`${method} ${path}`, [`Host: ${at}`])
    const answer = await exchangeOn(secure, request)
    secure.destroy()
    const exchange = provider.exchanges[answered]
    const refused = answer.head.header('x-aibridge-reason')
    const sent =
      exchange === undefined
        ? refused
        : `${provider.url.replace('127.0.0.1', 'localhost')}${exchange.path}`
    return ['intercepted', trial[0] ?? '', sent ?? '']
  }
})
