import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { errorRows, marksOf } from '../../src/bridge/errors-reference.ts'
import type { Reason } from '../../src/kernel/reasons.ts'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { startTcpOrigin } from '../support/origin.ts'
import { createPki } from '../support/pki.ts'
import { type Provider, startProvider } from '../support/provider.ts'
import type { Behaviour } from '../support/provider-exchange.ts'
import { openIntercepted, providersEnv } from './ai-world.ts'
import { createCaller } from './callers.ts'
import { type Answer, exchangeOn, get, post } from './wire.ts'

/** One provider of each dialect; `path` is bridged. */
const PLACES = [
  { dialect: 'anthropic', host: 'api.anthropic.com', path: '/v1/messages' },
  { dialect: 'openai', host: 'api.openai.com', path: '/v1/responses' },
  {
    dialect: 'google',
    host: 'generativelanguage.googleapis.com',
    path: '/v1beta/models/m:generateContent',
  },
] as const

type Place = (typeof PLACES)[number]

interface Situation {
  readonly reason: Reason
  readonly env?: Readonly<Record<string, string>>
  readonly behaviour?: Behaviour
  /** How many calls it may take until one is refused for this reason. */
  readonly calls?: number
  readonly request?: (place: Place) => Buffer
  readonly user?: string
}

const PREFIXES = [0, 1, 2].map(index => `CODER_AIBRIDGE_PROVIDER_${index}_`)
const forAll = (field: string, value: string): Record<string, string> =>
  Object.fromEntries(PREFIXES.map(prefix => [`${prefix}${field}`, value]))

const reasonOf = (answer: Answer): string | undefined => answer.head.header('x-aibridge-reason')

describe('an error of ours', () => {
  const directory = mkdtempSync(join(tmpdir(), 'aibridge-errors-'))
  let provider: Provider
  let daemon: TestDaemon
  let closedPort: number
  let bob: string

  before(async () => {
    provider = await startProvider()
    daemon = await startTestDaemon({ env: envOf({}) })
    bob = createCaller(daemon).credentials
    const gone = await startTcpOrigin(() => {}, { tls: true })
    closedPort = gone.port
    await gone[Symbol.asyncDispose]()
    const policy = `
budgets: [{user: bob, usd: 0, period: day}]
rules: [{user: ada, models: [only-this]}]
`
    writeFileSync(join(directory, 'policy.yaml'), policy)
  })
  after(async () => {
    await daemon[Symbol.asyncDispose]()
    await provider[Symbol.asyncDispose]()
    rmSync(directory, { recursive: true })
  })

  function envOf(extra: Readonly<Record<string, string>>, key = 'sk-central-0123456789') {
    const entries = PLACES.map(({ dialect: type }) => {
      return { type, key, url: type === 'openai' ? `${provider.url}/v1` : provider.url }
    })
    return { ...providersEnv(...entries), ...extra }
  }

  async function ask(place: Place, { request, user }: Situation): Promise<Answer> {
    const connect = user === undefined ? {} : { credentials: bob }
    const socket = await openIntercepted(daemon, { authority: `${place.host}:443`, connect })
    const bytes = request?.(place) ?? post(place.path, place.host, '{"model":"m"}')
    const answer = await exchangeOn(socket, bytes)
    socket.destroy()
    return answer
  }

  const situations = (): readonly Situation[] => [
    { reason: 'dot_segment', request: ({ host }) => get('/v1/../x', host) },
    {
      reason: 'route_not_supported',
      env: { CODER_AIBRIDGE_PASSTHROUGH: 'listed' },
      request: ({ host }) => get('/v1/files', host),
    },
    { reason: 'no_credential', env: forAll('KEY', '') },
    { reason: 'rate_limited', env: { CODER_AIBRIDGE_RATE_LIMIT: '1' }, calls: 20 },
    {
      reason: 'model_denied',
      env: { CODER_AIBRIDGE_POLICY_FILE: join(directory, 'policy.yaml') },
    },
    {
      reason: 'budget_exhausted',
      env: { CODER_AIBRIDGE_POLICY_FILE: join(directory, 'policy.yaml') },
      user: 'bob',
    },
    {
      reason: 'circuit_open',
      env: {
        CODER_AIBRIDGE_CIRCUIT_BREAKER_ENABLED: 'true',
        CODER_AIBRIDGE_CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1',
      },
      behaviour: { status: 503 },
      calls: 2,
    },
    { reason: 'provider_unreachable', env: forAll('BASE_URL', `https://localhost:${closedPort}`) },
    { reason: 'provider_tls', env: forAll('CA_FILE', createPki('Stranger').certFile) },
    { reason: 'provider_broken', behaviour: { cutAfter: 0 } },
    {
      reason: 'provider_timeout',
      env: { CODER_AIBRIDGE_PROXY_FIRST_BYTE_TIMEOUT: '100ms' },
      behaviour: { stallAfter: 0 },
    },
  ]

  for (const place of PLACES) {
    it(`is as the table says in the dialect of ${place.dialect}`, async () => {
      for (const situation of situations()) {
        const { reason, env = {}, behaviour, calls = 1 } = situation
        provider.script(() => behaviour)
        await daemon.reload(envOf(env))
        let answer = await ask(place, situation)
        for (let i = 1; i < calls && reasonOf(answer) !== reason; i += 1) {
          answer = await ask(place, situation)
        }
        const row = errorRows().find(one => one.reason === reason && one.dialect === place.dialect)
        assert.equal(reasonOf(answer), reason)
        assert.equal(answer.status, row?.status)
        assert.equal(marksOf(answer.text), row?.marks)
        assert.equal(answer.head.header('retry-after') !== undefined, row?.saysWhen, reason)
      }
    })
  }
})
