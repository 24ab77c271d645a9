import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttp2Server } from 'node:http2'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { exchangeHttp2 } from '../../src/egress/http2/exchange.ts'
import { OriginSessions } from '../../src/egress/http2/sessions.ts'
import { listenOnLoopback } from '../support/listen.ts'

/** An HTTP/2 server behind a line that can fall silent, for the connections of the moment. */
async function startLine(): Promise<
  AsyncDisposable & {
    dial: () => Promise<{ socket: Socket }>
    end: () => void
    fallSilent: () => void
    connections: number
  }
> {
  const silent = new Set<Socket>()
  const clients = new Set<Socket>()
  const origin = createHttp2Server(({ url }, response) => {
    if (url !== '/silent') response.end('answer')
  })
  const originPort = await listenOnLoopback(origin)
  const line = createServer(client => {
    const upstream = connect(originPort, '127.0.0.1')
    clients.add(client)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('error', () => {}).on('close', () => to.destroy())
      from.on('data', chunk => silent.has(client) || to.write(chunk))
    }
  })
  const port = await listenOnLoopback(line)
  return {
    async dial() {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      await once(socket, 'connect')
      return { socket }
    },
    end: () => {
      for (const client of clients) client.end()
    },
    fallSilent: () => {
      for (const client of clients) silent.add(client)
    },
    get connections(): number {
      return clients.size
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy()
      line.close()
      origin.close()
    },
  }
}

const NEVER = new AbortController().signal

async function ask(sessions: OriginSessions): Promise<string> {
  const { session, giveBack } = await sessions.take(NEVER)
  const stream = session.request({ ':path': '/' })
  stream.on('error', () => {})
  stream.setEncoding('utf8')
  let text = ''
  stream.on('data', (chunk: string) => (text += chunk))
  await once(stream, 'close')
  giveBack(stream.rstCode === 0)
  return text
}

test('a connection that was quiet is asked whether it lives, and lives on', async () => {
  await using line = await startLine()
  using sessions = new OriginSessions(line.dial, { quietMs: 0 })
  for (let i = 0; i < 3; i += 1) assert.equal(await ask(sessions), 'answer')
  assert.equal(line.connections, 1)
})

test('a connection that died without a word gets no call, and its own calls end', async () => {
  await using line = await startLine()
  using sessions = new OriginSessions(line.dial, { quietMs: 0, answerMs: 50, deadMs: 100 })
  assert.equal(await ask(sessions), 'answer')
  line.fallSilent()
  const [stuck, ...others] = [ask(sessions), ask(sessions), ask(sessions)]
  assert.deepEqual(await Promise.all(others), ['answer', 'answer'])
  assert.equal(await stuck, 'answer')
  assert.equal(line.connections, 2)

  const { session } = await sessions.take(NEVER)
  const waiting = session.request({ ':path': '/' })
  waiting.on('error', () => {})
  line.fallSilent()
  assert.equal(await ask(sessions), 'answer')
  if (!waiting.destroyed) await once(waiting, 'close')
})

test('a caller that has gone does not wait for a connection that others may want', async () => {
  await using line = await startLine()
  const open = Promise.withResolvers<void>()
  using sessions = new OriginSessions(async () => {
    await open.promise
    return await line.dial()
  })
  const gone = new AbortController()
  const leaving = sessions.take(gone.signal)
  const staying = ask(sessions)
  gone.abort()
  await assert.rejects(leaving, { name: 'AbortError' })
  open.resolve()
  assert.equal(await staying, 'answer')
  assert.equal(line.connections, 1)
})

test('a connection that its origin has ended without a word gets no call', async () => {
  await using line = await startLine()
  using sessions = new OriginSessions(line.dial)
  assert.equal(await ask(sessions), 'answer')
  const { session, giveBack } = await sessions.take(NEVER)
  giveBack(true)
  const closed = once(session, 'close')
  line.end()
  await closed
  assert.equal(await ask(sessions), 'answer')
  assert.equal(line.connections, 2)
})

test('a call ends with the connection that its origin ends under it', async () => {
  await using line = await startLine()
  using sessions = new OriginSessions(line.dial)
  assert.equal(await ask(sessions), 'answer')
  const call = exchangeHttp2(sessions, 'http', {
    method: 'POST',
    path: '/silent',
    headers: ['Host', 'origin.example'],
    body: undefined,
    upgrade: false,
    inform: undefined,
    signal: NEVER,
    firstByteTimeoutMs: 60_000,
    idleTimeoutMs: 60_000,
    faults: { timeout: 'provider_timeout', broken: 'provider_broken' },
  })
  line.end()
  await assert.rejects(call, { reason: 'provider_broken' })
})
