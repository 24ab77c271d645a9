import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { startTcpOrigin } from '../support/origin.ts'
import { type Provider, startProvider } from '../support/provider.ts'
import type { Behaviour } from '../support/provider-exchange.ts'
import { readHead, readToEnd } from '../support/raw-client.ts'
import { openIntercepted, providersEnv } from './ai-world.ts'
import { createCaller } from './callers.ts'
import { type Answer, exchangeOn, post, readAnswer } from './wire.ts'

const HOST = 'api.anthropic.com'
const OPENAI = 'api.openai.com'
const THRESHOLD = 3

const BREAKER = {
  CODER_AIBRIDGE_CIRCUIT_BREAKER_ENABLED: 'true',
  CODER_AIBRIDGE_CIRCUIT_BREAKER_FAILURE_THRESHOLD: String(THRESHOLD),
  CODER_AIBRIDGE_CIRCUIT_BREAKER_INTERVAL: '10m',
  CODER_AIBRIDGE_CIRCUIT_BREAKER_TIMEOUT: '20s',
  CODER_AIBRIDGE_CIRCUIT_BREAKER_MAX_REQUESTS: '1',
}

const IMPATIENT = {
  CODER_AIBRIDGE_PROXY_STREAM_IDLE_TIMEOUT: '250ms',
  CODER_AIBRIDGE_PROXY_FIRST_BYTE_TIMEOUT: '250ms',
}

interface Asking {
  readonly user?: string
  readonly host?: string
  readonly path?: string
  readonly body?: string
}

describe('the circuit breaker', () => {
  let provider: Provider
  let daemon: TestDaemon
  let env: Record<string, string>
  const callers = new Map<string, string>()

  before(async () => {
    provider = await startProvider({ gapMs: 1 })
    env = {
      ...providersEnv(
        { type: 'anthropic', key: 'sk-ant-central-0123456789', url: provider.url },
        { type: 'openai', key: 'sk-openai-central-0123456789', url: `${provider.url}/v1` },
      ),
      ...BREAKER,
    }
    daemon = await startTestDaemon({ env })
    for (const user of ['bob', 'eve']) callers.set(user, createCaller(daemon, user).credentials)
  })
  after(async () => {
    await daemon[Symbol.asyncDispose]()
    await provider[Symbol.asyncDispose]()
  })
  // A reload starts every circuit anew.
  beforeEach(async () => {
    provider.script(undefined)
    await daemon.reload(env)
  })

  async function open({ user, host = HOST }: Asking = {}) {
    const credentials = callers.get(user ?? '') ?? daemon.credentials
    return await openIntercepted(daemon, { authority: `${host}:443`, connect: { credentials } })
  }

  const request = ({ host = HOST, path = '/v1/messages', body = '{}' }: Asking): Buffer =>
    post(path, host, body)

  async function ask(asking: Asking = {}): Promise<Answer> {
    const socket = await open(asking)
    const answer = await exchangeOn(socket, request(asking))
    socket.destroy()
    return answer
  }

  /** One call whose answer may break off; what became of it is in the events. */
  async function askBroken(asking: Asking = {}): Promise<void> {
    const body = JSON.stringify({ stream: true })
    const ended = daemon.events.length
    const socket = await open(asking)
    socket.write(request({ ...asking, body }))
    await readHead(socket)
    await readToEnd(socket)
    await daemon.event(
      'call_ended',
      event => event.outcome === 'failed' && daemon.events.indexOf(event) >= ended,
    )
  }

  async function askTimes(times: number, asking: Asking = {}): Promise<void> {
    for (let i = 0; i < times; i += 1) await ask(asking)
  }

  const isOpen = (answer: Answer): boolean =>
    answer.head.header('x-aibridge-reason') === 'circuit_open'

  const failing = (behaviour: Behaviour): void => provider.script(() => behaviour)

  it('refuses in the dialect of the provider once it keeps failing, and does not ask it', async () => {
    failing({ status: 529 })
    await askTimes(THRESHOLD)
    const asked = provider.exchanges.length
    const answer = await ask()
    assert.equal(answer.status, 503)
    assert.ok(isOpen(answer))
    const wait = Number(answer.head.header('retry-after'))
    assert.ok(wait >= 15 && wait <= 20, String(wait))
    assert.equal(JSON.parse(answer.text).error.type, 'overloaded_error')
    assert.equal(provider.exchanges.length, asked)
    await askTimes(THRESHOLD, { host: OPENAI, path: '/v1/responses' })
    const openai = await ask({ host: OPENAI, path: '/v1/responses' })
    assert.deepEqual([openai.status, JSON.parse(openai.text).error.type], [503, 'server_error'])
  })

  it('is shared by all callers, and goes by route', async () => {
    failing({ status: 503 })
    await ask({ user: 'bob' })
    await askTimes(THRESHOLD - 1, { user: 'eve' })
    assert.ok(isOpen(await ask()))
    assert.equal((await ask({ path: '/v1/messages/count_tokens' })).status, 503)
    assert.ok(!isOpen(await ask({ path: '/v1/messages/count_tokens' })))
    assert.ok(!isOpen(await ask({ host: OPENAI, path: '/v1/responses' })))
  })

  it('opens for one caller alone when nobody else meets the failures', async () => {
    failing({ status: 500 })
    await askTimes(THRESHOLD + 2, { user: 'eve' })
    assert.ok(isOpen(await ask({ user: 'eve' })))
    provider.script(undefined)
    assert.equal((await ask({ user: 'bob' })).status, 200)
    assert.ok(isOpen(await ask({ user: 'eve' })))
  })

  it('opens for all when several callers meet the same failures in turn', async () => {
    failing({ status: 500 })
    for (let i = 0; i < THRESHOLD; i += 1) await ask({ user: i % 2 === 0 ? 'bob' : 'eve' })
    assert.ok(isOpen(await ask()))
  })

  it('is not tripped by 429, whose Retry-After is passed on, nor by bad requests', async () => {
    failing({ status: 429, headers: { 'retry-after': '17' } })
    for (let i = 0; i <= THRESHOLD; i += 1) {
      const answer = await ask()
      assert.deepEqual([answer.status, answer.head.header('retry-after')], [429, '17'])
    }
    for (const status of [400, 401, 403, 404, 413, 501]) {
      failing({ status })
      await askTimes(THRESHOLD + 1)
      assert.equal((await ask()).status, status)
    }
  })

  it('is tripped by answers that break off or fall silent', async () => {
    await daemon.reload({ ...env, ...IMPATIENT })
    failing({ cutAfter: 3 })
    await askBroken()
    failing({ stallAfter: 3 })
    await askBroken()
    failing({ stallAfter: 0 })
    assert.equal((await ask()).status, 504)
    assert.ok(isOpen(await ask()))
  })

  for (const stallAfter of [0, 3]) {
    it(`is not tripped by clients that leave after ${stallAfter} events`, async () => {
      failing({ stallAfter })
      for (let i = 0; i <= THRESHOLD; i += 1) {
        const seen = daemon.events.length
        const arriving = provider.nextExchange()
        const socket = await open()
        socket.write(request({ body: JSON.stringify({ stream: true }) }))
        await arriving
        if (stallAfter > 0) await readHead(socket)
        socket.destroy()
        const ended = await daemon.event('call_ended', one => daemon.events.indexOf(one) >= seen)
        assert.equal(ended.outcome, 'aborted')
      }
      provider.script(undefined)
      assert.equal((await ask()).status, 200)
    })
  }

  it('is not tripped by clients that never finish their upload', async () => {
    await daemon.reload({ ...env, ...IMPATIENT })
    const upload = post('/v1/messages', HOST, Buffer.alloc(1000))
    const begun = Array.from({ length: THRESHOLD + 1 }, async () => {
      const socket = await open()
      socket.write(upload.subarray(0, -10))
      const { status } = await readAnswer(socket)
      socket.destroy()
      return status
    })
    assert.deepEqual(new Set(await Promise.all(begun)), new Set([504]))
    const reason = (await ask()).head.header('x-aibridge-reason')
    assert.notEqual(reason, 'circuit_open')
  })

  it('counts upgrades that fail, and refuses the next as every upgrade is refused', async () => {
    failing({ refuseUpgrade: 503 })
    const upgrade = [
      'GET /v1/responses HTTP/1.1',
      `Host: ${OPENAI}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      '\r\n',
    ].join('\r\n')
    const statuses: number[] = []
    for (let i = 0; i <= THRESHOLD; i += 1) {
      const socket = await open({ host: OPENAI })
      socket.write(upgrade)
      statuses.push((await readHead(socket)).status)
      socket.destroy()
    }
    assert.deepEqual(statuses, [...Array<number>(THRESHOLD).fill(503), 426])
  })

  it('is tripped for all by a provider that cannot be reached, and mends by a probe', async () => {
    const gone = await startTcpOrigin(() => {}, { tls: true })
    const port = Number(gone.url.split(':').at(-1))
    await gone[Symbol.asyncDispose]()
    await daemon.reload({
      ...env,
      ...providersEnv({
        type: 'anthropic',
        key: 'sk-ant-x-0123456789',
        url: `https://localhost:${port}`,
      }),
      CODER_AIBRIDGE_CIRCUIT_BREAKER_TIMEOUT: '300ms',
    })
    await askTimes(THRESHOLD, { user: 'eve' })
    assert.ok(isOpen(await ask()))
    const opened = performance.now()
    while (isOpen(await ask())) assert.ok(performance.now() - opened < 5000)
  })

  it('shows its state, trips and rejections', async () => {
    failing({ status: 529 })
    await askTimes(THRESHOLD + 1)
    const page = await (await fetch(`http://${daemon.api.host}:${daemon.api.port}/metrics`)).text()
    const labels = 'provider="anthropic",endpoint="/v1/messages"'
    assert.match(page, new RegExp(`circuit_breaker_state\\{${labels},scope="all"\\} 1\n`))
    assert.match(page, new RegExp(`circuit_breaker_trips_total\\{${labels},scope="all"\\} \\d`))
    assert.match(page, new RegExp(`circuit_breaker_rejects_total\\{${labels}\\} \\d`))
    const event = await daemon.event('circuit_changed')
    assert.deepEqual([event.from, event.to], ['closed', 'open'])
  })

  it('leaves the daemon ready, which says how its providers do, whether it is on or off', async () => {
    const readiness = async (): Promise<unknown[]> => {
      const response = await fetch(`http://${daemon.api.host}:${daemon.api.port}/readyz`)
      const { status, providers } = JSON.parse(await response.text())
      return [response.status, status, providers[0]]
    }
    const anthropic = { name: 'anthropic', ok: true }
    assert.deepEqual(await readiness(), [200, 'ok', anthropic])
    failing({ status: 529 })
    await ask()
    const ill = { name: 'anthropic', ok: false, reason: 'http_529' }
    assert.deepEqual(await readiness(), [200, 'ok', ill])
    await askTimes(THRESHOLD)
    assert.deepEqual(await readiness(), [200, 'ok', { ...ill, reason: 'circuit_open' }])
    await daemon.reload({ ...env, CODER_AIBRIDGE_CIRCUIT_BREAKER_ENABLED: 'false' })
    await ask()
    assert.deepEqual(await readiness(), [200, 'ok', ill])
    failing({ status: 401 })
    await ask()
    assert.deepEqual(await readiness(), [200, 'ok', { ...ill, reason: 'keys_out' }])
    provider.script(undefined)
    await ask()
    assert.deepEqual(await readiness(), [200, 'ok', anthropic])
  })

  it('does nothing unless it is switched on', async () => {
    await daemon.reload({ ...env, CODER_AIBRIDGE_CIRCUIT_BREAKER_ENABLED: 'false' })
    failing({ status: 529 })
    await askTimes(THRESHOLD + 2)
    assert.equal((await ask()).status, 529)
  })
})
