import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { firstHeader } from '../../src/kernel/headers.ts'
import { maskCredential } from '../../src/kernel/secret.ts'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { startTcpOrigin } from '../support/origin.ts'
import { type Provider, startProvider } from '../support/provider.ts'
import type { Behaviour, Exchange } from '../support/provider-exchange.ts'
import { readHead } from '../support/raw-client.ts'
import { OPENAI, openIntercepted, providersEnv } from './ai-world.ts'
import { askHttp2, openHttp2 } from './http2-world.ts'
import { rowOf } from './rows.ts'
import { type Answer, exchangeOn, post, readAnswer, requestText } from './wire.ts'

const HOST = 'api.openai.com'
const KEYS = ['one', 'two', 'three'].map(name => `sk-${name}-0123456789-${name}-0123456789`)
const [ONE = '', TWO = '', THREE = ''] = KEYS

/** What the provider says to each key; it serves the others. */
type Script = Readonly<Record<string, Behaviour>>

const keyOf = ({ rawHeaders }: Exchange): string =>
  (firstHeader(rawHeaders, 'authorization') ?? '').replace('Bearer ', '')

describe('several central keys', () => {
  let provider: Provider
  let daemon: TestDaemon
  let env: Record<string, string>

  before(async () => {
    provider = await startProvider({ gapMs: 1 })
    env = {
      ...providersEnv({ type: 'openai', url: `${provider.url}/v1` }),
      CODER_AIBRIDGE_PROVIDER_0_KEYS: KEYS.join(','),
    }
    daemon = await startTestDaemon({ env })
  })
  after(async () => {
    await daemon[Symbol.asyncDispose]()
    await provider[Symbol.asyncDispose]()
  })
  // A reload makes a new pool.
  beforeEach(async () => {
    script({})
    await daemon.reload(env)
  })

  function script(wanted: Script): void {
    provider.script(exchange => wanted[keyOf(exchange)])
  }

  /** One call, and the keys with which it arrived at the provider. */
  async function ask(
    request = post('/v1/responses', HOST, '{"model":"m"}'),
  ): Promise<{ answer: Answer; keys: string[]; exchanges: readonly Exchange[] }> {
    const seen = provider.exchanges.length
    const socket = await openIntercepted(daemon, { authority: OPENAI })
    const answer = await exchangeOn(socket, request)
    socket.destroy()
    const exchanges = provider.exchanges.slice(seen)
    return { answer, keys: exchanges.map(keyOf), exchanges }
  }

  const limited = (seconds: number): Behaviour => ({
    status: 429,
    headers: { 'retry-after': String(seconds) },
  })

  it('are used in their order', async () => {
    for (let i = 0; i < 2; i += 1) assert.deepEqual((await ask()).keys, [ONE])
  })

  it('take over when one is rate-limited, and the client sees the last answer only', async () => {
    script({ [ONE]: limited(60), [TWO]: { status: 401 } })
    const { answer, keys, exchanges } = await ask()
    assert.deepEqual([answer.status, answer.head.header('retry-after')], [200, undefined])
    assert.deepEqual(keys, [ONE, TWO, THREE])
    assert.deepEqual(new Set(exchanges.map(one => one.request.text)), new Set(['{"model":"m"}']))
    assert.deepEqual((await ask()).keys, [THREE])
  })

  it('come back when their cooldown is over', async () => {
    script({ [ONE]: limited(1) })
    const began = performance.now()
    assert.deepEqual((await ask()).keys, [ONE, TWO])
    script({})
    while ((await ask()).keys[0] !== ONE) assert.ok(performance.now() - began < 20_000)
    assert.ok(performance.now() - began >= 1000)
  })

  it('are asked all the same when all are cooling, so that the provider answers', async () => {
    script({ [ONE]: limited(60), [TWO]: limited(20), [THREE]: limited(40) })
    assert.equal((await ask()).answer.status, 429)
    const { answer, keys } = await ask()
    assert.deepEqual(keys, [TWO])
    assert.deepEqual([answer.status, answer.head.header('retry-after')], [429, '20'])
  })

  it('pass the provider’s refusal on when all are refused', async () => {
    script({ [ONE]: { status: 401 }, [TWO]: { status: 401 }, [THREE]: { status: 401 } })
    const { answer, keys } = await ask()
    assert.deepEqual([answer.status, keys], [401, KEYS])
    assert.match(answer.text, /scripted by the test/)
    assert.equal((await ask()).keys.length, 1)
  })

  it('are not lost because one caller asks for what none of them may', async () => {
    const began = daemon.events.length
    script({ [ONE]: { status: 403 }, [TWO]: { status: 403 }, [THREE]: { status: 403 } })
    assert.deepEqual((await ask()).answer.status, 403)
    script({})
    assert.deepEqual((await ask()).keys, [ONE])
    const changed = daemon.events.slice(began).filter(({ type }) => type === 'key_changed')
    assert.deepEqual(changed, [])
  })

  it('leave one out that is forbidden what another may, and fall back on it', async () => {
    script({ [ONE]: { status: 403 } })
    assert.deepEqual((await ask()).keys, [ONE, TWO])
    assert.deepEqual((await ask()).keys, [TWO])
    script({ [TWO]: limited(60), [THREE]: limited(60) })
    const { answer, keys } = await ask()
    assert.deepEqual([answer.status, keys], [200, [TWO, THREE, ONE]])
  })

  it('are no reason to ask again when the provider fails', async () => {
    for (const behaviour of [{ status: 500 }, { status: 529 }, { cutAfter: 0 }]) {
      script({ [ONE]: behaviour })
      const { answer, keys } = await ask()
      assert.ok(answer.status >= 500)
      assert.deepEqual(keys, [ONE])
    }
  })

  it('carry the same body, chunked and with trailers too', async () => {
    script({ [ONE]: limited(60) })
    const body = Buffer.alloc(300_000, 'x').toString('latin1')
    const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\nX-Sum: 7\r\n\r\n`
    const { answer, keys, exchanges } = await ask(
      requestText(
        'POST /v1/responses',
        [`Host: ${HOST}`, 'Transfer-Encoding: chunked', 'Trailer: X-Sum'],
        chunked,
      ),
    )
    assert.deepEqual([answer.status, keys], [200, [ONE, TWO]])
    for (const exchange of exchanges) {
      assert.equal(exchange.request.bytes, body.length)
      assert.deepEqual(exchange.rawTrailers, ['X-Sum', '7'])
    }
  })

  it('take over in the middle of an upload when the provider does not wait for its end', async () => {
    const taken = Promise.withResolvers<void>()
    let received = ''
    await using origin = await startTcpOrigin(
      socket => {
        let text = ''
        socket.on('data', chunk => {
          text += chunk
          if (text.includes(ONE)) socket.write('HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n')
          else if (text.includes('half')) taken.resolve()
          if (!text.endsWith('rest') || text.includes(ONE)) return
          received = text.slice(text.indexOf('\r\n\r\n') + 4)
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
        })
      },
      { tls: true },
    )
    await daemon.reload({
      ...env,
      CODER_AIBRIDGE_PROVIDER_0_BASE_URL: `${origin.url.replace('tls:', 'https:')}/v1`,
    })
    const socket = await openIntercepted(daemon, { authority: OPENAI })
    const request = post('/v1/responses', HOST, 'half and the rest')
    socket.write(request.subarray(0, -5))
    await taken.promise
    socket.write(request.subarray(-5))
    assert.equal((await readAnswer(socket)).status, 200)
    assert.equal(received, 'half and the rest')
    socket.destroy()
  })

  it('take over for clients that speak HTTP/2, and the prompt is on record once', async () => {
    script({ [ONE]: limited(60) })
    const seen = provider.exchanges.length
    const body = JSON.stringify({ model: 'm', input: 'x'.repeat(200_000) })
    const session = await openHttp2(daemon, { authority: OPENAI })
    const began = daemon.events.length
    const answer = await askHttp2(session, { ':path': '/v1/responses' }, body)
    session.destroy()
    assert.equal(answer.status, 200)
    const exchanges = provider.exchanges.slice(seen)
    assert.deepEqual(exchanges.map(keyOf), [ONE, TWO])
    for (const { request } of exchanges) assert.equal(request.text, body)
    const ended = await daemon.event('call_ended', one => daemon.events.indexOf(one) >= began)
    const { prompts, refusedKeys } = await rowOf({ daemon }, ended.callId)
    assert.deepEqual(
      [prompts.length, prompts[0]?.prompt.length, refusedKeys.length],
      [1, 200_000, 1],
    )
  })

  it('are not switched for a body that is too long to be held', async () => {
    script({ [ONE]: limited(60) })
    const long = post('/v1/responses', HOST, Buffer.alloc(9 << 20, ' '))
    const { answer, keys, exchanges } = await ask(long)
    assert.deepEqual([answer.status, keys], [429, [ONE]])
    assert.equal(exchanges[0]?.request.bytes, 9 << 20)
    assert.deepEqual((await ask(long)).keys, [TWO])
  })

  it('take over before a WebSocket is agreed on', async () => {
    provider.script(exchange => (keyOf(exchange) === ONE ? { refuseUpgrade: 429 } : {}))
    const seen = provider.exchanges.length
    const socket = await openIntercepted(daemon, { authority: OPENAI })
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
    socket.write(
      requestText('GET /v1/responses', [
        `Host: ${HOST}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        key,
      ]),
    )
    assert.equal((await readHead(socket)).status, 101)
    socket.destroy()
    assert.deepEqual(provider.exchanges.slice(seen).map(keyOf), [ONE, TWO])
  })

  it('do not stand in for a key that the client brought', async () => {
    const mine = 'sk-mine-0123456789'
    script({ [mine]: { status: 401 } })
    const own = post('/v1/responses', HOST, '{}', [`Authorization: Bearer ${mine}`])
    const { answer, keys } = await ask(own)
    assert.deepEqual([answer.status, keys], [401, [mine]])
  })

  it('show which was refused and which was used, masked', async () => {
    script({ [ONE]: { status: 401 } })
    const began = daemon.events.length
    await ask()
    const failover = await daemon.event('key_failover', one => daemon.events.indexOf(one) >= began)
    assert.deepEqual([failover.credentialHint, failover.status], [maskCredential(ONE), 401])
    const changed = await daemon.event('key_changed', one => daemon.events.indexOf(one) >= began)
    assert.deepEqual([changed.credentialHint, changed.to], [maskCredential(ONE), 'out'])
    const ended = await daemon.event('call_ended', one => daemon.events.indexOf(one) >= began)
    const record = await rowOf({ daemon }, ended.callId)
    for (const { credentialHint, refusedKeys } of [ended, record]) {
      assert.equal(credentialHint, maskCredential(TWO))
      assert.deepEqual(
        refusedKeys.map(({ credentialHint: hint, status }) => [hint, status]),
        [[maskCredential(ONE), 401]],
      )
    }
    const page = await (await fetch(`http://${daemon.api.host}:${daemon.api.port}/metrics`)).text()
    assert.match(page, /provider_keys\{provider="openai",state="ready"\} 2\n/)
    assert.match(page, /provider_keys\{provider="openai",state="out"\} 1\n/)
    assert.match(page, /key_failovers_total\{provider="openai",code="401"\} \d/)
    for (const key of KEYS) assert.ok(!JSON.stringify(daemon.events).includes(key))
  })
})
