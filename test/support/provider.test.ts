import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { gunzipSync } from 'node:zlib'
import { WebSocket } from 'ws'
import { ANSWER_TEXT } from './dialects/answer.ts'
import { parseJsonObject } from './json.ts'
import { answerAfterEnd, echo, speakFirst, startHttpOrigin, startTcpOrigin } from './origin.ts'
import { testPki } from './pki.ts'
import { startProvider } from './provider.ts'
import {
  connectRaw,
  readBytes,
  readHead,
  readToEnd,
  requestOver,
  responseTo,
} from './raw-client.ts'

const LOOPBACK = '127.0.0.1'

async function dial(port: number): Promise<ReturnType<typeof connectTls>> {
  const socket = connectTls({
    port,
    host: LOOPBACK,
    servername: 'localhost',
    ca: testPki().certPem,
  })
  await once(socket, 'secureConnect')
  return socket
}

async function post(
  port: number,
  path: string,
  body: object,
): Promise<{ text: Buffer; status: number }> {
  const request = requestOver(await dial(port), {
    method: 'POST',
    path,
    headers: { 'x-api-key': 'k' },
  })
  const response = await responseTo(request, JSON.stringify(body))
  return { text: await readToEnd(response), status: response.statusCode ?? 0 }
}

test('a stream arrives in events that are spaced and recorded with their hash', async () => {
  await using provider = await startProvider({ gapMs: 10 })
  const { text, status } = await post(provider.port, '/v1/messages', { stream: true })
  const [exchange] = provider.exchanges
  assert.ok(exchange)
  await provider.ended(exchange)

  assert.equal(status, 200)
  assert.match(text.toString(), /event: message_stop/)
  assert.equal(exchange.response.sha256, createHash('sha256').update(text).digest('hex'))
  assert.equal(exchange.request.text, '{"stream":true}')
  assert.equal(exchange.outcome, 'sent')
  const [first, last] = [exchange.events.at(0), exchange.events.at(-1)]
  assert.ok(first && last && last.at - first.at >= 10 * (exchange.events.length - 2))
  assert.ok(provider.sawInHeaders('k'))
})

test('every dialect answers with the same text', async () => {
  await using provider = await startProvider({ gapMs: 0, tls: true })
  const ask = async (path: string): Promise<string> =>
    (await post(provider.port, path, {})).text.toString()

  for (const path of [
    '/v1/messages',
    '/v1/responses',
    '/v1/chat/completions',
    '/v1beta/models/gemini-2.5-pro:generateContent',
  ]) {
    assert.match(await ask(path), new RegExp(ANSWER_TEXT), path)
  }
  assert.match(await ask('/api/claude_code/settings'), /"type":"not_found_error"/)
  assert.equal(provider.connections, 5)
})

test('a scripted stream is cut after the events that were asked for', async () => {
  await using provider = await startProvider({ gapMs: 1, behaviour: () => ({ cutAfter: 3 }) })
  const request = requestOver(await dial(provider.port), { method: 'POST', path: '/v1/messages' })
  const response = await responseTo(request, '{"stream":true}')
  response.resume()

  await assert.rejects(once(response, 'end'), { code: 'ECONNRESET' })
  const [exchange] = provider.exchanges
  assert.ok(exchange)
  await provider.ended(exchange)
  assert.equal(exchange.events.length, 3)
  assert.equal(exchange.outcome, 'closed')
})

test('a gzipped stream is flushed event by event', async () => {
  await using provider = await startProvider({ gapMs: 30, behaviour: () => ({ gzip: true }) })
  const request = requestOver(await dial(provider.port), { method: 'POST', path: '/v1/messages' })
  const response = await responseTo(request, '{"stream":true}')
  const chunks: Buffer[] = []
  response.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(response, 'end')

  assert.ok(chunks.length >= 5, `${chunks.length} chunks`)
  assert.match(gunzipSync(Buffer.concat(chunks)).toString(), /message_stop/)
})

test('Codex can ask over WebSocket', async () => {
  await using provider = await startProvider({ gapMs: 1 })
  const socket = new WebSocket(`${provider.url.replace('https', 'wss')}/v1/responses`, {
    ca: testPki().certPem,
  })
  await once(socket, 'open')
  const types: unknown[] = []
  const done = new Promise<void>(resolve => {
    socket.on('message', data => {
      const event = parseJsonObject(Buffer.isBuffer(data) ? data.toString() : '')
      types.push(event['type'])
      if (event['type'] === 'response.completed') resolve()
    })
  })
  socket.send(JSON.stringify({ type: 'response.create', model: 'gpt-5' }))
  await done
  socket.close()

  assert.equal(types[0], 'response.created')
  assert.equal(provider.exchanges[0]?.webSocket, true)
})

test('TCP origins echo, speak first, and answer after the end', async () => {
  await using echoing = await startTcpOrigin(echo)
  await using greeting = await startTcpOrigin(speakFirst('220 ready\r\n\r\n'))
  await using patient = await startTcpOrigin(answerAfterEnd(all => `got ${all.length}`))

  const first = await connectRaw({ host: LOOPBACK, port: echoing.port })
  first.write('abcdef')
  assert.equal((await readBytes(first, 4)).toString(), 'abcd')
  first.end()
  assert.equal((await readToEnd(first)).toString(), 'ef')

  const second = await connectRaw({ host: LOOPBACK, port: greeting.port })
  assert.equal((await readHead(second)).startLine, '220 ready')
  second.destroy()

  const third = await connectRaw({ host: LOOPBACK, port: patient.port })
  third.end('12345')
  assert.equal((await readToEnd(third)).toString(), 'got 5')
})

test('the HTTP origin echoes a body with its path', async () => {
  await using origin = await startHttpOrigin({ protocol: 'h2' })
  const request = requestOver(await dial(origin.port), { method: 'PUT', path: '/a?b' })
  const response = await responseTo(request, 'body')

  assert.equal(response.headers['x-path'], '/a?b')
  assert.equal(response.headers['x-version'], '1.1')
  assert.equal((await readToEnd(response)).toString(), 'body')
})
