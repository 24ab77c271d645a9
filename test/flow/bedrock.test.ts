import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { firstHeader, headerValues } from '../../src/kernel/headers.ts'
import { PLACEHOLDER_KEY } from '../../src/kernel/provider.ts'
import { AWS_API_KEY, AWS_KEYS } from '../support/aws-signature.ts'
import { startConnectProxy } from '../support/connect-proxy.ts'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { ANSWER_TEXT, ANSWER_USAGE } from '../support/dialects/answer.ts'
import { eventFrame } from '../support/dialects/bedrock.ts'
import { parseJsonObject } from '../support/json.ts'
import { testPki } from '../support/pki.ts'
import { type Provider, startProvider } from '../support/provider.ts'
import type { Exchange } from '../support/provider-exchange.ts'
import { openIntercepted } from './ai-world.ts'
import { type Answer, exchangeOn, get, post } from './wire.ts'

const REGION = 'eu-central-1'
const AWS_HOST = `bedrock-runtime.${REGION}.amazonaws.com`
const ANTHROPIC_HOST = 'api.anthropic.com'
const MODEL = 'eu.anthropic.claude-opus-4-5-20251101-v1:0'
const SMALL = 'arn:aws:bedrock:eu-central-1:1:inference-profile/eu.anthropic.claude-haiku-4-5'

let provider: Provider
let daemon: TestDaemon
const opened = new AsyncDisposableStack()

before(async () => {
  const names = [AWS_HOST, ANTHROPIC_HOST]
  provider = opened.use(await startProvider({ gapMs: 1, names }))
  const proxy = opened.use(await startConnectProxy(provider.port))
  const variables = {
    TYPE: 'anthropic',
    BEDROCK_REGION: REGION,
    BEDROCK_ACCESS_KEYS: `AKIAREVOKED000000000,${AWS_KEYS.id}`,
    BEDROCK_ACCESS_KEY_SECRETS: `of-the-revoked,${AWS_KEYS.secret}`,
    BEDROCK_MODEL: MODEL,
    BEDROCK_SMALL_FAST_MODEL: SMALL,
    CA_FILE: testPki().certFile,
  }
  const env = Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [`CODER_AIBRIDGE_PROVIDER_0_${name}`, value]),
  )
  daemon = opened.use(
    await startTestDaemon({ env: { ...env, CODER_AIBRIDGE_PROXY_UPSTREAM: proxy.url } }),
  )
})
after(() => opened.disposeAsync())

async function ask(
  host: string,
  request: Buffer,
): Promise<{ answer: Answer; exchange: Exchange | undefined }> {
  const seen = provider.exchanges.length
  const socket = await openIntercepted(daemon, { authority: `${host}:443` })
  const answer = await exchangeOn(socket, request)
  socket.destroy()
  return { answer, exchange: provider.exchanges.slice(seen).at(-1) }
}

const message = (more: object = {}): string =>
  JSON.stringify({
    model: 'claude-sonnet-4-5',
    max_tokens: 4096,
    messages: [{ role: 'user', content: 'Grüße 🌍' }],
    ...more,
  })

const toAnthropic = (body: string | Buffer, headers: readonly string[] = []): Buffer =>
  post('/v1/messages?beta=true', ANTHROPIC_HOST, body, headers)

describe("an Anthropic client's call on Bedrock", () => {
  it('is signed, streamed, and answered with the events that Anthropic would send', async () => {
    const headers = [
      'Authorization: Bearer sk-ant-oat01-own-0123456789',
      'anthropic-version: 2023-06-01',
      'anthropic-beta: interleaved-thinking-2025-05-14,oauth-2025-04-20',
      'anthropic-beta: effort-2025-11-24',
    ]
    const body = message({
      stream: true,
      metadata: { user_id: 'u' },
      output_config: { effort: 'low' },
      context_management: {},
      thinking: { type: 'adaptive' },
    })
    const { answer, exchange } = await ask(ANTHROPIC_HOST, toAnthropic(body, headers))
    assert.equal(answer.status, 200, answer.text)
    assert.ok(exchange)
    assert.equal(firstHeader(exchange.rawHeaders, 'host'), AWS_HOST)
    assert.equal(exchange.path, `/model/${encodeURIComponent(MODEL)}/invoke-with-response-stream`)
    assert.deepEqual(parseJsonObject(exchange.request.text), {
      anthropic_version: 'bedrock-2023-05-31',
      max_tokens: 4096,
      messages: [{ role: 'user', content: 'Grüße 🌍' }],
      output_config: { effort: 'low' },
      thinking: { type: 'disabled' },
      anthropic_beta: ['interleaved-thinking-2025-05-14', 'effort-2025-11-24'],
    })
    assert.ok(!provider.sawInHeaders('sk-ant-oat01'))
    assert.deepEqual(headerValues(exchange.rawHeaders, 'anthropic-beta'), [])

    assert.equal(answer.head.header('content-type'), 'text/event-stream; charset=utf-8')
    const events = answer.text.split('\n\n').slice(0, -1)
    assert.deepEqual(
      events.map(event => /^event: (\w+)\ndata: \{"type":"\1"/.exec(event)?.[1]),
      [
        'message_start',
        'content_block_start',
        ...Array.from({ length: 5 }, () => 'content_block_delta'),
        'content_block_stop',
        'message_delta',
        'message_stop',
      ],
    )
    // The first access key was refused, and the second took over.
    assert.deepEqual(
      provider.exchanges.map(({ status }) => status),
      [403, 200],
    )
    const text = [...answer.text.matchAll(/"text_delta","text":"([^"]*)"/g)].map(one => one[1])
    assert.equal(text.join(''), ANSWER_TEXT)
  })

  it("is in the books as a call to Anthropic with the operator's credentials", async () => {
    const call = await daemon.event('call_ended', ({ route }) => route === '/v1/messages')
    assert.deepEqual(
      [call.provider, call.providerType, call.kind, call.credential, call.credentialHint],
      ['anthropic', 'anthropic', 'bridged', 'centralized', 'AKIA...MPLE'],
    )
    const seen = await daemon.event('answer_seen')
    assert.deepEqual([seen.usage?.input, seen.usage?.output], [11, ANSWER_USAGE.output])
  })

  it('gets the small model for a small one, blocking, from a compressed body', async () => {
    const body = gzipSync(message({ model: 'claude-haiku-x' }))
    const { answer, exchange } = await ask(
      ANTHROPIC_HOST,
      toAnthropic(body, ['Content-Encoding: gzip']),
    )
    assert.equal(answer.status, 200)
    assert.equal(exchange?.path, `/model/${encodeURIComponent(SMALL)}/invoke`)
    assert.equal(parseJsonObject(answer.text)['type'], 'message')
  })

  it("gets Amazon's refusals in Anthropic's form", async () => {
    provider.script(() => ({
      status: 429,
      pieces: ['{"message":"Too many tokens, please wait."}'],
      headers: { 'x-amzn-errortype': 'ThrottlingException:http://x/', 'retry-after': '7' },
    }))
    const { answer } = await ask(ANTHROPIC_HOST, toAnthropic(message()))
    provider.script(undefined)
    assert.equal(answer.status, 429)
    assert.equal(answer.head.header('retry-after'), '7')
    assert.deepEqual(parseJsonObject(answer.text)['error'], {
      type: 'rate_limit_error',
      message: 'Too many tokens, please wait.',
    })
  })

  const start = eventFrame(
    { ':message-type': 'event', ':event-type': 'chunk' },
    JSON.stringify({ bytes: btoa('{"type":"message_start","message":{}}') }),
  )
  const stream = 'application/vnd.amazon.eventstream'

  it('gets an exception within the stream as an error event', async () => {
    const exception = eventFrame(
      { ':message-type': 'exception', ':exception-type': 'throttlingException' },
      '{"message":"slow down"}',
    )
    provider.script(() => ({ pieces: [start, exception], contentType: stream }))
    const { answer } = await ask(ANTHROPIC_HOST, toAnthropic(message({ stream: true })))
    provider.script(undefined)
    const told = { type: 'error', error: { type: 'rate_limit_error', message: 'slow down' } }
    assert.ok(answer.text.endsWith(`event: error\ndata: ${JSON.stringify(told)}\n\n`), answer.text)
  })

  for (const [what, rest] of [
    ['ends early', Buffer.alloc(0)],
    ['is damaged', Buffer.alloc(64, 7)],
  ] as const) {
    it(`breaks off when Bedrock's stream ${what}`, async () => {
      provider.script(() => ({ pieces: [start, rest], contentType: stream }))
      await assert.rejects(ask(ANTHROPIC_HOST, toAnthropic(message({ stream: true }))), /ended/)
      provider.script(undefined)
      const call = await daemon.event(
        'call_ended',
        ({ reason, bytesDown }) => reason === 'provider_broken' && bytesDown > 0,
      )
      assert.equal(call.outcome, 'failed')
    })
  }

  for (const [what, body, status, type] of [
    ['no JSON', '{"model":', 400, 'invalid_request_error'],
    ['an array', '[]', 400, 'invalid_request_error'],
    ['33 MiB', Buffer.alloc(33 * 1024 * 1024, 32), 413, 'request_too_large'],
  ] as const) {
    it(`is refused with ${status} when its body is ${what}`, async () => {
      const seen = provider.exchanges.length
      const { answer } = await ask(ANTHROPIC_HOST, toAnthropic(body))
      assert.equal(answer.status, status)
      assert.match(answer.text, new RegExp(`"type":"${type}"`))
      assert.equal(provider.exchanges.length, seen)
    })
  }

  it('leaves what Bedrock has no form for to Anthropic, without any key of ours', async () => {
    const own = ['X-Api-Key: sk-ant-own-0123456789']
    const { answer, exchange } = await ask(ANTHROPIC_HOST, get('/v1/models', ANTHROPIC_HOST, own))
    assert.equal(answer.status, 200)
    assert.ok(exchange)
    assert.equal(firstHeader(exchange.rawHeaders, 'host'), ANTHROPIC_HOST)
    assert.equal(firstHeader(exchange.rawHeaders, 'x-api-key'), 'sk-ant-own-0123456789')
    const none = await ask(ANTHROPIC_HOST, get('/v1/models', ANTHROPIC_HOST))
    assert.equal(none.answer.status, 401)
  })
})

describe("Bedrock's own clients", () => {
  const path = `/model/${encodeURIComponent(MODEL)}/invoke-with-response-stream`
  const body = JSON.stringify({
    anthropic_version: 'bedrock-2023-05-31',
    max_tokens: 9,
    messages: [{ role: 'user', content: 'Hi' }],
  })
  const signature = (id: string): string[] => [
    `Authorization: AWS4-HMAC-SHA256 Credential=${id}/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`,
    'X-Amz-Date: 20260101T000000Z',
    'X-Amz-Security-Token: of-the-client',
    'X-Amz-Content-Sha256: 0',
  ]

  const signedAnew: readonly (readonly [what: string, headers: () => string[]])[] = [
    ['the placeholder as API key', () => [`Authorization: Bearer ${PLACEHOLDER_KEY}`]],
    ["the caller's token as API key", () => [`Authorization: Bearer ${daemon.token}`]],
    ['a signature with the placeholder', () => signature(PLACEHOLDER_KEY)],
    ['no credential', () => []],
  ]
  for (const [what, headers] of signedAnew) {
    it(`have their call signed with the operator's keys when they send ${what}`, async () => {
      const { answer, exchange } = await ask(AWS_HOST, post(path, AWS_HOST, body, headers()))
      assert.equal(answer.status, 200, answer.text)
      assert.ok(exchange)
      assert.equal(exchange.request.text, body)
      assert.equal(headerValues(exchange.rawHeaders, 'authorization').length, 1)
      assert.ok(!provider.sawInHeaders('of-the-client'))
      assert.deepEqual(answer.body, exchange.response.body)
    })
  }

  it('keep an API key of their own, and every byte of the call', async () => {
    const own = [`Authorization: Bearer ${AWS_API_KEY}`]
    const { answer, exchange } = await ask(AWS_HOST, post(path, AWS_HOST, body, own))
    assert.equal(answer.status, 200)
    assert.equal(firstHeader(exchange?.rawHeaders ?? [], 'authorization'), own[0]?.slice(15))
    const call = await daemon.event(
      'call_ended',
      ({ credential, host }) => credential === 'byok' && host === AWS_HOST,
    )
    assert.equal(call.credentialHint, 'ABSK...6789')
  })

  it('keep a signature of their own as it is', async () => {
    const own = signature('AKIAOWNKEY0123456789')
    const { exchange } = await ask(AWS_HOST, post(path, AWS_HOST, body, own))
    assert.ok(exchange)
    for (const line of own) {
      const [name = '', value] = line.split(': ')
      assert.equal(firstHeader(exchange.rawHeaders, name.toLowerCase()), value)
    }
    assert.equal(exchange.path, path)
    assert.equal(firstHeader(exchange.rawHeaders, 'host'), AWS_HOST)
  })
})
