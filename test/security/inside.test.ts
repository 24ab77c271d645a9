import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  type AiWorld,
  HOST_ANTHROPIC as HOST,
  openIntercepted,
  startAiWorld,
} from '../flow/ai-world.ts'
import { exchangeOn, get, post, readAnswer, requestText } from '../flow/wire.ts'
import { readToEnd } from '../support/raw-client.ts'

describe('bytes inside the interception that two readers could read in two ways', {
  timeout: 60_000,
}, () => {
  let world: AiWorld
  before(async () => {
    world = await startAiWorld()
  })
  after(() => world[Symbol.asyncDispose]())

  const chunked = ['Host: api.anthropic.com', 'Transfer-Encoding: chunked']
  const upload = (...headers: string[]): Buffer =>
    requestText('POST /v1/messages', [`Host: ${HOST}`, ...headers], 'xxxx')
  const chunks = (body: string): Buffer => requestText('POST /v1/messages', chunked, body)
  const line = (text: string): Buffer => Buffer.from(`${text} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`)

  const refused: readonly (readonly [id: string, what: string, bytes: Buffer, status: number])[] = [
    ['A13', 'a target with two slashes', get('//evil.example/x', HOST), 400],
    ['A13', 'an absolute target', get('https://evil.example/x', HOST), 400],
    ['A13', 'a target with a backslash', get('/\\evil.example', HOST), 400],
    ['A13', 'a scheme without authority', get('http:/x', HOST), 400],
    ['A13', 'an asterisk', requestText('OPTIONS *', [`Host: ${HOST}`]), 400],
    ['A13', 'no target', line('GET '), 400],
    [
      'A15',
      'an upgrade to a foreign target',
      get('//evil.example/x', HOST, ['Connection: Upgrade', 'Upgrade: websocket']),
      400,
    ],
    ['B08', 'two equal lengths', upload('Content-Length: 4', 'Content-Length: 4'), 400],
    ['B08', 'a list of lengths', upload('Content-Length: 4, 4'), 400],
    ['B08', 'a length with a sign', upload('Content-Length: +4'), 400],
    ['B08', 'a hexadecimal length', upload('Content-Length: 0x4'), 400],
    ['B08', 'a blank before the colon of a length', upload('Content-Length : 4'), 400],
    ['B08', 'an unknown coding', upload('Transfer-Encoding: xchunked'), 400],
    ['B08', 'a coding behind chunked', upload('Transfer-Encoding: chunked, identity'), 400],
    ['B08', 'two codings', upload('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'), 400],
    ['B08', 'a vertical tab before chunked', upload('Transfer-Encoding: \x0bchunked'), 400],
    ['B09', 'a coding of its own', upload('Transfer-Encoding: gzip'), 400],
    [
      'B09',
      'chunks in HTTP/1.0',
      Buffer.from(`POST / HTTP/1.0\r\n${chunked.join('\r\n')}\r\n\r\n0\r\n\r\n`),
      400,
    ],
    ['B12', 'a header without a colon', requestText('GET /', [`Host: ${HOST}`, 'X']), 400],
    ['B12', 'a header without a name', requestText('GET /', [`Host: ${HOST}`, ': x']), 400],
    ['B12', 'a bare LF in the head', Buffer.from(`GET / HTTP/1.1\nHost: ${HOST}\n\n`), 400],
    [
      'B16',
      '2,501 tiny headers',
      get(
        '/',
        HOST,
        Array.from({ length: 2501 }, () => 'A:b'),
      ),
      431,
    ],
    ['B20', 'a method in lower case', line('get /v1/models'), 400],
    ['B20', 'a method of 5 KB', line(`${'X'.repeat(5000)} /`), 400],
    ['B21', 'a control character in the path', line('GET /v1/\x01'), 400],
    ['B26', 'HTTP/2 in the clear', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 400],
  ]
  for (const [id, what, bytes, status] of refused) {
    it(`${id} gets ${status} for ${what}, and the provider hears nothing`, async () => {
      const earlier = world.provider.exchanges.length
      const socket = await openIntercepted(world.daemon)
      socket.write(bytes)
      assert.equal((await readAnswer(socket)).status, status)
      assert.equal(world.provider.exchanges.length, earlier)
      socket.destroy()
    })
  }

  const cutOff: readonly (readonly [what: string, body: string])[] = [
    ['a size in hexadecimal notation', '0x2\r\n{}\r\n0\r\n\r\n'],
    ['a size of 2^64', '10000000000000000\r\n{}\r\n0\r\n\r\n'],
    ['a bare LF behind the size', '2\n{}\r\n0\r\n\r\n'],
    ['more bytes than it says', '1\r\n{}\r\n0\r\n\r\n'],
    ['an LF in an extension', '2;a=\nb\r\n{}\r\n0\r\n\r\n'],
  ]
  for (const [what, body] of cutOff) {
    it(`B10 end their connection: a chunk with ${what}; its request never counts as whole`, async () => {
      const earlier = world.provider.exchanges.length
      const socket = await openIntercepted(world.daemon)
      socket.write(Buffer.concat([chunks(body), get('/v1/models', HOST)]))
      assert.doesNotMatch(String(await readToEnd(socket)), /HTTP\/1\.1 200/)
      const begun = world.provider.exchanges.slice(earlier)
      await Promise.all(begun.map(async exchange => await world.provider.ended(exchange)))
      assert.ok(begun.length <= 1)
      assert.ok(begun.every(({ outcome }) => outcome === 'closed'))
    })
  }

  it('B21 are passed on as they are where they are legal', async () => {
    const socket = await openIntercepted(world.daemon)
    const arriving = world.provider.nextExchange()
    const path = '/v1/models/caf%C3%A9%2F%252e'
    socket.write(get(path, HOST, ['X-Bytes: \u0080\u00ff caf\u00e9']))
    const exchange = await arriving
    assert.equal(exchange.path, path)
    assert.ok(exchange.rawHeaders.includes('\u0080\u00ff caf\u00e9'))
    socket.destroy()
  })

  it('B26 are bounded: blank lines before a request lead nowhere', async () => {
    const socket = await openIntercepted(world.daemon)
    const blank = '\r\n'.repeat(100_000)
    socket.write(Buffer.concat([Buffer.from(blank), get('/v1/models', HOST)]))
    const { status } = await readAnswer(socket)
    assert.ok([200, 400, 431].includes(status), `${status}`)
    socket.destroy()
  })

  it('B10 are bounded: many chunks of one byte with extensions take little time or are refused', async () => {
    const socket = await openIntercepted(world.daemon)
    const count = 20_000
    const body = `{"x":"${'y'.repeat(count)}"}`
    const text = Array.from(body, byte => `1;e=${'z'.repeat(8)}\r\n${byte}\r\n`).join('')
    const atStart = process.cpuUsage()
    const answer = await exchangeOn(socket, chunks(`${text}0\r\n\r\n`))
    const { user, system } = process.cpuUsage(atStart)
    assert.ok([200, 400, 413, 431].includes(answer.status), `${answer.status}`)
    assert.ok((user + system) / 1e6 < 10, `${(user + system) / 1e6} s`)
    socket.destroy()
  })

  it('B29 mean the same however the head is cut', async () => {
    const bytes = post('/v1/messages', HOST, '{"model":"claude"}', ['X-Custom: a b', 'X-Custom: c'])
    const socket = await openIntercepted(world.daemon)
    const whole = world.provider.nextExchange()
    assert.equal((await exchangeOn(socket, bytes)).status, 200)
    const { rawHeaders } = await whole
    for (let cut = 1; cut < bytes.length; cut += 17) {
      const arriving = world.provider.nextExchange()
      socket.write(bytes.subarray(0, cut))
      await new Promise(setImmediate)
      socket.write(bytes.subarray(cut))
      assert.equal((await readAnswer(socket)).status, 200)
      const exchange = await arriving
      assert.deepEqual(exchange.rawHeaders, rawHeaders)
      assert.equal(exchange.request.text, '{"model":"claude"}')
    }
    socket.destroy()
  })

  it('B06 lose what follows a refused request', async () => {
    const socket = await openIntercepted(world.daemon)
    const earlier = world.provider.exchanges.length
    socket.write(Buffer.concat([upload('Content-Length: +4'), get('/v1/models', HOST)]))
    const text = String(await readToEnd(socket))
    assert.equal(text.match(/HTTP\/1\.1/g)?.length, 1)
    assert.equal(world.provider.exchanges.length, earlier)
  })
})
