import assert from 'node:assert/strict'
import { createHash, randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { listenOnLoopback } from '../support/listen.ts'
import { startTcpOrigin } from '../support/origin.ts'
import { testPki } from '../support/pki.ts'
import { readBytes, readHead, readToEnd } from '../support/raw-client.ts'
import { type AiWorld, openIntercepted, startAiDaemon, startAiWorld } from './ai-world.ts'
import { exchangeOn, get, post, readAnswer, requestText } from './wire.ts'

const HOST = 'api.anthropic.com'
const MIB = 1 << 20
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

let world: AiWorld
before(async () => {
  world = await startAiWorld({ provider: { gapMs: 0 } })
})
after(() => world[Symbol.asyncDispose]())

/** Cuts bytes at random places; some pieces are tiny. */
function randomPieces(bytes: Buffer, count: number): Buffer[] {
  const cuts = Array.from({ length: count - 1 }, () => randomInt(bytes.length + 1))
  const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length]
  return edges.slice(1).map((end, i) => bytes.subarray(edges[i], end))
}

function chunked(pieces: readonly Buffer[]): Buffer {
  const chunks = pieces
    .filter(({ length }) => length > 0)
    .map(piece =>
      Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]),
    )
  return Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')])
}

describe('a body', () => {
  it('arrives byte for byte, both ways, whatever its size and pieces', async () => {
    const socket = await openIntercepted(world.daemon)
    for (let i = 0; i < 24; i += 1) {
      const limit = [0, 1, 1000, 70_000, MIB, i % 4 === 1 ? 8 * MIB : 300_000][i % 6] ?? 0
      const up = randomBytes(randomInt(limit + 1))
      const down = randomBytes(randomInt(limit + 1))
      const pieces = randomPieces(down, randomInt(1, 12))
      world.provider.script(() => ({ pieces, contentType: 'application/octet-stream' }))
      const arriving = world.provider.nextExchange()
      const request =
        i % 2 === 0
          ? post('/v1/messages', HOST, up)
          : requestText(
              'POST /v1/messages',
              [`Host: ${HOST}`, 'Transfer-Encoding: chunked'],
              chunked(randomPieces(up, randomInt(1, 12))),
            )
      const answer = await exchangeOn(socket, request)
      const exchange = await arriving
      assert.equal(exchange.request.sha256, sha256(up), `up, ${up.length} bytes`)
      assert.equal(sha256(answer.body), sha256(down), `down, ${down.length} bytes`)
    }
    world.provider.script(undefined)
    socket.destroy()
  })

  it('keeps its content coding', async () => {
    const text = Buffer.from(JSON.stringify({ text: 'x'.repeat(5000) }))
    const socket = await openIntercepted(world.daemon)
    for (const [coding, bytes] of [
      ['gzip', gzipSync(text)],
      ['br', brotliCompressSync(text)],
      ['zstd', zstdCompressSync(text)],
    ] as const) {
      world.provider.script(() => ({ pieces: [bytes], headers: { 'content-encoding': coding } }))
      const arriving = world.provider.nextExchange()
      const answer = await exchangeOn(
        socket,
        post('/v1/messages', HOST, bytes, [
          `Content-Encoding: ${coding}`,
          'Accept-Encoding: br;q=0',
        ]),
      )
      const exchange = await arriving
      assert.equal(answer.head.header('content-encoding'), coding)
      assert.ok(answer.body.equals(bytes))
      assert.ok(exchange.request.body.equals(bytes))
      assert.ok(exchange.rawHeaders.includes('br;q=0'))
    }
    world.provider.script(undefined)
    socket.destroy()
  })

  it('keeps the order, case and duplicates of headers', async () => {
    world.provider.script(() => ({
      headers: { 'Retry-After': '7', 'X-RateLimit-Reset': '1' },
      status: 429,
    }))
    const socket = await openIntercepted(world.daemon)
    const arriving = world.provider.nextExchange()
    const answer = await exchangeOn(
      socket,
      post('/v1/messages', HOST, '{}', ['X-B: 2', 'x-a: 1', 'X-b: 3', 'ANTHROPIC-beta: a, b']),
    )
    world.provider.script(undefined)
    assert.equal(answer.status, 429)
    assert.match(answer.head.text, /^Retry-After: 7$/m)
    const text = (await arriving).rawHeaders.join('|')
    assert.match(text, /X-B\|2\|x-a\|1\|X-b\|3\|ANTHROPIC-beta\|a, b/)
    socket.destroy()
  })
})

describe('a stream of events', () => {
  it('arrives untouched: BOM, CRLF, comments and all', async () => {
    const pieces = [
      '\ufeff: hello\r\n',
      'event: a\r\ndata: {"x":1}\r\n\r\n',
      ':\n\ndata\n\n',
      'data: é',
    ]
    world.provider.script(() => ({ pieces, contentType: 'text/event-stream' }))
    const socket = await openIntercepted(world.daemon)
    const answer = await exchangeOn(socket, post('/v1/messages', HOST, '{}'))
    world.provider.script(undefined)
    assert.equal(answer.text, pieces.join(''))
    assert.equal(answer.head.header('content-type'), 'text/event-stream')
    socket.destroy()
  })

  it('arrives event by event, each before the next is sent', async () => {
    const heads = Promise.withResolvers<Socket>()
    await using origin = await startTcpOrigin(
      socket => socket.once('data', () => heads.resolve(socket)),
      { tls: true },
    )
    await using daemon = await startAiDaemon(origin.url.replace('tls:', 'https:'))
    const client = await openIntercepted(daemon)
    client.write(post('/v1/messages', HOST, '{}'))
    const provider = await heads.promise
    provider.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    assert.equal((await readHead(client)).status, 200)
    for (let i = 0; i < 20; i += 1) {
      const chunk = `7\r\ndata:${i % 10}\n\r\n`
      provider.write(chunk)
      assert.equal(String(await readBytes(client, chunk.length)), chunk)
    }
    client.destroy()
  })
})

describe('what is too large to keep', () => {
  it('is taken from the provider only as fast as the client reads', async () => {
    let taken = 0
    const block = Buffer.alloc(256 * 1024)
    const { certPem: cert, keyPem: key } = testPki().issue(['localhost', '127.0.0.1'])
    const server = createServer({ cert, key }, (_req, res) => {
      const pump = (): void => {
        while (taken < 64 * MIB) {
          taken += block.length
          if (!res.write(block)) {
            res.once('drain', pump)
            return
          }
        }
        res.end()
      }
      pump()
    })
    const port = await listenOnLoopback(server)
    await using daemon = await startAiDaemon(`https://localhost:${port}`)
    const client = await openIntercepted(daemon)
    const memory = process.memoryUsage().rss
    client.write(post('/v1/messages', HOST, '{}'))
    await readHead(client)
    for (let i = 0; i < 200; i += 1) {
      await readBytes(client, 1024)
      await new Promise(resolve => setImmediate(resolve))
    }
    assert.ok(taken < 24 * MIB, `${taken} bytes were taken`)
    assert.ok(process.memoryUsage().rss - memory < 48 * MIB)
    client.destroy()
    server.closeAllConnections()
    server.close()
  })

  it('is taken from the client only as fast as the provider reads', async () => {
    const held = Promise.withResolvers<Socket>()
    await using origin = await startTcpOrigin(
      socket => {
        socket.once('data', () => {
          socket.pause()
          held.resolve(socket)
        })
      },
      { tls: true },
    )
    await using daemon = await startAiDaemon(origin.url.replace('tls:', 'https:'))
    const client = await openIntercepted(daemon)
    client.write(requestText('POST /v1/messages', [`Host: ${HOST}`, `Content-Length: ${64 * MIB}`]))
    const block = Buffer.alloc(64 * 1024)
    client.write(block)
    const provider = await held.promise
    let sent = 0
    while (sent < 64 * MIB) {
      sent += block.length
      if (client.write(block)) continue
      const drained = await Promise.race([
        once(client, 'drain').then(() => true),
        new Promise<boolean>(resolve => setTimeout(resolve, 300, false)),
      ])
      if (!drained) break
    }
    assert.ok(sent < 32 * MIB, `${sent} bytes were taken`)
    client.destroy()
    await readToEnd(provider)
  })

  it('passes when it is 24 MB', async () => {
    const socket = await openIntercepted(world.daemon)
    const arriving = world.provider.nextExchange()
    const body = Buffer.alloc(24 * MIB, 'abc')
    assert.equal((await exchangeOn(socket, post('/v1/messages', HOST, body))).status, 200)
    assert.equal((await arriving).request.sha256, sha256(body))
    const ended = await world.daemon.event('call_ended', ({ bytesUp }) => bytesUp === body.length)
    assert.equal(ended.outcome, 'completed')
    socket.destroy()
  })
})

describe('an answer', () => {
  const raw: readonly (readonly [title: string, bytes: string, check: RegExp])[] = [
    ['of HTTP/1.0 ends with its connection', 'HTTP/1.0 200 OK\r\n\r\nall of it', /^all of it$/],
    ['without length ends with its connection', 'HTTP/1.1 200 OK\r\n\r\nall of it', /^all of it$/],
  ]
  for (const [title, bytes, check] of raw) {
    it(title, async () => {
      await using origin = await startTcpOrigin(
        socket => socket.once('data', () => socket.end(bytes)),
        { tls: true },
      )
      await using daemon = await startAiDaemon(origin.url.replace('tls:', 'https:'))
      const client = await openIntercepted(daemon)
      client.write(post('/v1/messages', HOST, '{}'))
      const head = await readHead(client)
      // No terminator of ours: nobody saw the end of what came.
      assert.equal(head.header('transfer-encoding'), undefined)
      assert.equal(head.header('connection'), 'close')
      assert.match(String(await readToEnd(client)), check)
    })
  }

  it('keeps its status and headers, cookies and redirects too', async () => {
    const head = [
      'HTTP/1.1 307 Over There',
      'Location: https://evil.example/x',
      'Set-Cookie: a=1',
      'Set-Cookie: b=2',
      'Proxy-Authenticate: Basic',
      'Keep-Alive: timeout=1',
      'Connection: X-Hop',
      'X-Hop: 1',
      'Content-Length: 2',
    ]
    await using origin = await startTcpOrigin(
      socket => socket.on('data', () => socket.write(`${head.join('\r\n')}\r\n\r\nok`)),
      { tls: true },
    )
    await using daemon = await startAiDaemon(origin.url.replace('tls:', 'https:'))
    const client = await openIntercepted(daemon)
    const { head: got, text } = await exchangeOn(client, get('/v1/models', HOST))
    assert.equal(got.startLine, 'HTTP/1.1 307 Over There')
    assert.equal(text, 'ok')
    assert.equal(got.header('location'), 'https://evil.example/x')
    const cookies = got.headers.filter(([name]) => name === 'set-cookie')
    assert.deepEqual(
      cookies.map(([, value]) => value),
      ['a=1', 'b=2'],
    )
    for (const name of ['proxy-authenticate', 'x-hop', 'date']) {
      assert.equal(got.header(name), undefined, name)
    }
    client.destroy()
  })

  for (const status of [407, 429, 500, 529]) {
    it(`of ${status} is the provider's, not ours`, async () => {
      world.provider.script(() => ({ status, headers: { 'retry-after': '3' } }))
      const client = await openIntercepted(world.daemon)
      client.write(post('/v1/messages', HOST, '{}'))
      const answer = await readAnswer(client)
      world.provider.script(undefined)
      assert.equal(answer.status, status)
      assert.equal(answer.head.header('retry-after'), '3')
      assert.equal(answer.head.header('x-aibridge-reason'), undefined)
      client.destroy()
    })
  }
})
