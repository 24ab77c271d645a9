import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { TestDaemon } from '../support/daemon.ts'
import { startTcpOrigin } from '../support/origin.ts'
import { createPki } from '../support/pki.ts'
import { readHead, readToEnd, secureOver } from '../support/raw-client.ts'
import {
  ANTHROPIC,
  OPENAI,
  openConnect,
  openIntercepted,
  startAiDaemon,
  startAiWorld,
} from './ai-world.ts'
import { type Answer, exchangeOn, get, post, readAnswer } from './wire.ts'

const HOST = 'api.anthropic.com'
const STREAM = post('/v1/messages', HOST, JSON.stringify({ stream: true }))

async function askOnce(daemon: TestDaemon): Promise<Answer> {
  const socket = await openIntercepted(daemon)
  const answer = await exchangeOn(socket, post('/v1/messages', HOST, '{}'))
  socket.destroy()
  return answer
}

/** The TCP connection too: TLS sockets cannot be reset. */
async function openBoth(daemon: TestDaemon): Promise<{ raw: Socket; socket: Socket }> {
  const raw = await openConnect(daemon, ANTHROPIC)
  return { raw, socket: await secureOver(raw, { ca: daemon.caPem, servername: HOST }) }
}

/** A provider that is only bytes: what `onHead` does once a request has come. */
function startScripted(onHead: (socket: Socket) => void): ReturnType<typeof startTcpOrigin> {
  return startTcpOrigin(socket => socket.once('data', () => onHead(socket)), { tls: true })
}

const https = (url: string): string => url.replace('tls:', 'https:')

describe('a provider that cannot be used', { concurrency: true }, () => {
  it('is 502 with a reason when it refuses the connection', async () => {
    const origin = await startTcpOrigin(() => {}, { tls: true })
    const url = https(origin.url)
    await origin[Symbol.asyncDispose]()
    await using daemon = await startAiDaemon(url)
    const answer = await askOnce(daemon)
    assert.equal(answer.status, 502)
    assert.equal(answer.head.header('x-aibridge-reason'), 'provider_unreachable')
    assert.doesNotMatch(answer.text, /127\.0\.0\.1|ECONNREFUSED/)
    const ended = await daemon.event('call_ended')
    assert.deepEqual([ended.outcome, ended.reason], ['failed', 'provider_unreachable'])
  })

  it('is 502 when its name does not resolve', async () => {
    await using daemon = await startAiDaemon('https://no-such-host.invalid')
    const answer = await askOnce(daemon)
    assert.equal(answer.status, 502)
    assert.equal(answer.head.header('x-aibridge-reason'), 'provider_unreachable')
  })

  it('gets no byte of HTTP when its certificate is not trusted', async () => {
    let received = 0
    await using origin = await startScripted(() => (received += 1))
    const stranger = createPki('Stranger').certFile
    await using daemon = await startAiDaemon(https(origin.url), {
      CODER_AIBRIDGE_PROVIDER_0_CA_FILE: stranger,
    })
    const answer = await askOnce(daemon)
    assert.equal(answer.status, 502)
    assert.equal(answer.head.header('x-aibridge-reason'), 'provider_tls')
    assert.equal(received, 0)
  })

  it('is 504 when it does not begin to answer within the limit', async () => {
    await using origin = await startScripted(() => {})
    await using daemon = await startAiDaemon(https(origin.url), {
      CODER_AIBRIDGE_PROXY_FIRST_BYTE_TIMEOUT: '200ms',
    })
    const answer = await askOnce(daemon)
    assert.equal(answer.status, 504)
    assert.equal(answer.head.header('x-aibridge-reason'), 'provider_timeout')
    assert.equal(JSON.parse(answer.text).error.type, 'timeout_error')
  })

  it('is waited for when it thinks for longer than idle connections are kept', async () => {
    const slow = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    await using origin = await startScripted(
      socket => void delay(4500).then(() => socket.write(slow)),
    )
    await using daemon = await startAiDaemon(https(origin.url))
    assert.equal((await askOnce(daemon)).text, 'ok')
  })

  it('speaks its own dialect in what we answer for it', async () => {
    const origin = await startTcpOrigin(() => {}, { tls: true })
    const url = https(origin.url)
    await origin[Symbol.asyncDispose]()
    await using daemon = await startAiDaemon(url)
    const socket = await openIntercepted(daemon, { authority: OPENAI })
    const answer = await exchangeOn(socket, post('/v1/responses', 'api.openai.com', '{}'))
    assert.deepEqual([answer.status, JSON.parse(answer.text).error.type], [502, 'server_error'])
    const upload = post('/v1/responses', 'api.openai.com', Buffer.alloc(4 << 20))
    for (let i = 0; i < 3; i += 1) assert.equal((await exchangeOn(socket, upload)).status, 502)
    socket.destroy()
  })
})

describe('a stream that breaks', { concurrency: true }, () => {
  it('looks broken to the client when the provider breaks off', async () => {
    await using world = await startAiWorld({ provider: { behaviour: () => ({ cutAfter: 3 }) } })
    const socket = await openIntercepted(world.daemon)
    socket.write(STREAM)
    await readHead(socket)
    const rest = await readToEnd(socket)
    assert.match(String(rest), /message_start/)
    assert.doesNotMatch(String(rest), /0\r\n\r\n$/)
    const ended = await world.daemon.event('call_ended')
    assert.deepEqual([ended.outcome, ended.reason], ['failed', 'provider_broken'])
  })

  it('looks broken when nothing comes for the idle limit', async () => {
    await using world = await startAiWorld({
      provider: { behaviour: () => ({ stallAfter: 3 }) },
      env: { CODER_AIBRIDGE_PROXY_STREAM_IDLE_TIMEOUT: '300ms' },
    })
    const socket = await openIntercepted(world.daemon)
    socket.write(STREAM)
    await readHead(socket)
    assert.doesNotMatch(String(await readToEnd(socket)), /0\r\n\r\n$/)
    const ended = await world.daemon.event('call_ended')
    assert.equal(ended.outcome, 'failed')
    const [exchange] = world.provider.exchanges
    assert.ok(exchange)
    await world.provider.ended(exchange)
    assert.equal(exchange.outcome, 'closed')
  })

  it('is given up at the provider within a second when the client leaves', async () => {
    await using world = await startAiWorld({ provider: { behaviour: () => ({ stallAfter: 3 }) } })
    for (const leave of ['destroy', 'resetAndDestroy'] as const) {
      const arriving = world.provider.nextExchange()
      const { raw, socket } = await openBoth(world.daemon)
      socket.write(STREAM)
      const exchange = await arriving
      await readHead(socket)
      const left = performance.now()
      raw[leave]()
      await world.provider.ended(exchange)
      assert.equal(exchange.outcome, 'closed')
      assert.ok(performance.now() - left < 1000)
    }
    const ended = await world.daemon.event('call_ended')
    assert.deepEqual([ended.outcome, ended.reason], ['aborted', undefined])
  })

  it('is given up before its head when the client leaves', async () => {
    await using world = await startAiWorld({ provider: { behaviour: () => ({ stallAfter: 0 }) } })
    const arriving = world.provider.nextExchange()
    const socket = await openIntercepted(world.daemon)
    socket.write(STREAM)
    const exchange = await arriving
    socket.destroy()
    await world.provider.ended(exchange)
    const ended = await world.daemon.event('call_ended')
    assert.deepEqual([ended.outcome, ended.reason], ['aborted', undefined])
  })

  it('is given up when the client leaves in the middle of its upload', async () => {
    await using world = await startAiWorld()
    const arriving = world.provider.nextExchange()
    const socket = await openIntercepted(world.daemon)
    socket.write(post('/v1/messages', HOST, Buffer.alloc(1 << 20)).subarray(0, 100_000))
    const exchange = await arriving
    socket.destroy()
    await world.provider.ended(exchange)
    assert.equal((await world.daemon.event('call_ended')).outcome, 'aborted')
  })

  it('is no failure when the client leaves after the last event', async () => {
    await using world = await startAiWorld()
    const { raw, socket } = await openBoth(world.daemon)
    const answer = await exchangeOn(socket, STREAM)
    raw.resetAndDestroy()
    assert.match(answer.text, /message_stop/)
    const ended = await world.daemon.event('call_ended')
    assert.equal(ended.outcome, 'completed')
  })
})

describe('connections to a provider', () => {
  it('are used again', async () => {
    await using world = await startAiWorld()
    for (let i = 0; i < 5; i += 1) assert.equal((await askOnce(world.daemon)).status, 200)
    assert.equal(world.provider.connections, 1)
  })

  it('are not used again once the provider has closed them', async () => {
    const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    const closed: Promise<unknown>[] = []
    await using origin = await startScripted(socket => {
      closed.push(once(socket, 'close'))
      socket.end(answer)
    })
    await using daemon = await startAiDaemon(https(origin.url))
    for (let i = 0; i < 5; i += 1) {
      assert.equal((await askOnce(daemon)).text, 'ok')
      await Promise.all(closed)
    }
  })

  it('leave no listeners on a connection that is used a hundred times', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error): void => void warnings.push(warning)
    process.on('warning', onWarning)
    await using world = await startAiWorld()
    const socket = await openIntercepted(world.daemon)
    for (let i = 0; i < 100; i += 1) {
      socket.write(get('/v1/models', HOST))
      assert.equal((await readAnswer(socket)).status, 200)
    }
    socket.destroy()
    await delay(0)
    process.off('warning', onWarning)
    assert.deepEqual(warnings, [])
  })
})
