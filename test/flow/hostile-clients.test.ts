import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { connectRaw, readHead, readToEnd } from '../support/raw-client.ts'
import {
  type AiWorld,
  ANTHROPIC,
  ANTHROPIC_KEY,
  openConnect,
  openIntercepted,
  startAiWorld,
} from './ai-world.ts'
import { exchangeOn, get, post, readAnswer, requestText } from './wire.ts'

const HOST = 'api.anthropic.com'
const UPGRADE = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']

describe('a hostile client inside an intercepted connection', () => {
  let world: AiWorld
  before(async () => {
    world = await startAiWorld({ env: { CODER_AIBRIDGE_PROXY_HEAD_TIMEOUT: '100ms' } })
  })
  after(() => world[Symbol.asyncDispose]())

  /** The daemon has survived if it still answers. */
  async function assertAlive(): Promise<void> {
    const socket = await openIntercepted(world.daemon)
    assert.equal((await exchangeOn(socket, get('/v1/models', HOST))).status, 200)
    socket.destroy()
  }

  it('cannot end the daemon with a CONNECT behind an unanswered request', async () => {
    const socket = await openIntercepted(world.daemon)
    const first = post('/v1/messages', HOST, '{}')
    socket.write(
      Buffer.concat([first, requestText('CONNECT a.example:443', ['Host: a.example:443'])]),
    )
    await readToEnd(socket)
    await assertAlive()
  })

  it('cannot end the daemon with an upgrade behind an unanswered request', async () => {
    const socket = await openIntercepted(world.daemon)
    const first = post('/v1/messages', HOST, '{}')
    socket.write(Buffer.concat([first, get('/v1/responses', HOST, UPGRADE)]))
    await readToEnd(socket)
    await assertAlive()
  })

  const ports: readonly (readonly [where: string, open: () => Promise<Socket>])[] = [
    ['the port', () => connectRaw(world.daemon.proxy)],
    ['an intercepted connection', () => openIntercepted(world.daemon)],
  ]
  for (const [where, open] of ports) {
    it(`is told once on ${where} what is no request, however much more follows`, async () => {
      const socket = await open()
      const earlier = world.daemon.events.length
      socket.write('no request\r\n\r\n')
      assert.equal((await readHead(socket)).status, 400)
      socket.end('nor is this\r\n\r\n')
      await assertAlive()
      const told = world.daemon.events.slice(earlier).filter(({ type }) => type === 'client_error')
      assert.equal(told.length, 1)
    })
  }

  const switches: readonly (readonly [what: string, bytes: Buffer])[] = [
    ['an upgrade', get('/v1/responses', HOST, UPGRADE)],
    ['a CONNECT', requestText('CONNECT a.example:443', ['Host: a.example:443'])],
  ]
  for (const [what, bytes] of switches) {
    it(`cannot end the daemon with ${what} behind an expectation that cannot be met`, async () => {
      const socket = await openIntercepted(world.daemon)
      const earlier = world.daemon.events.length
      socket.write(Buffer.concat([get('/v1/models', HOST, ['Expect: x']), bytes]))
      await readToEnd(socket)
      const told = world.daemon.events
        .slice(earlier)
        .flatMap(event => (event.type === 'client_error' ? [event.detail] : []))
      assert.ok(told.includes('a switch amid other requests'))
      await assertAlive()
    })
  }

  const refusals: readonly (readonly [what: string, bytes: Buffer])[] = [
    [
      'could be framed in two ways',
      requestText(
        'POST /v1/messages',
        [`Host: ${HOST}`, 'Transfer-Encoding: gzip, chunked'],
        '0\r\n\r\n',
      ),
    ],
    ['names another host', get('/v1/models', 'evil.example')],
  ]
  for (const [what, bytes] of refusals) {
    it(`has nothing done of what it sent behind a request that ${what}`, async () => {
      const started = (): number =>
        world.daemon.events.filter(({ type }) => type === 'call_started').length
      const earlier = started()
      const socket = await openIntercepted(world.daemon)
      socket.write(Buffer.concat([bytes, get('/v1/models', HOST)]))
      assert.equal(String(await readToEnd(socket)).match(/HTTP\/1\.1/g)?.length, 1)
      assert.equal(started(), earlier)
    })
  }

  it('is refused a CONNECT', async () => {
    const socket = await openIntercepted(world.daemon)
    const answer = await exchangeOn(
      socket,
      requestText('CONNECT a.example:443', ['Host: a.example:443']),
    )
    assert.equal(answer.status, 405)
    await readToEnd(socket)
  })

  it('is cut off when a head takes too long', async () => {
    const socket = await openIntercepted(world.daemon)
    socket.write('GET /v1/models HTTP/1.1\r\nHost: ')
    const answer = await readAnswer(socket)
    assert.equal(answer.status, 408)
    assert.equal(answer.head.header('x-aibridge-reason'), 'head_timeout')
  })

  it('may leave a connection idle for longer than a head may take', async () => {
    const socket = await openIntercepted(world.daemon)
    await new Promise(resolve => setTimeout(resolve, 300))
    assert.equal((await exchangeOn(socket, get('/v1/models', HOST))).status, 200)
    await new Promise(resolve => setTimeout(resolve, 300))
    assert.equal((await exchangeOn(socket, get('/v1/models', HOST))).status, 200)
    socket.destroy()
  })

  const malformed: readonly (readonly [what: string, request: Buffer, status: number])[] = [
    ['no HTTP at all', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n\r\n'), 400],
    [
      'two lengths',
      requestText('POST /v1/messages', [`Host: ${HOST}`, 'Content-Length: 1', 'Content-Length: 2']),
      400,
    ],
    [
      'a length and chunks',
      requestText('POST /v1/messages', [
        `Host: ${HOST}`,
        'Content-Length: 1',
        'Transfer-Encoding: chunked',
      ]),
      400,
    ],
    [
      'a coding before chunked',
      requestText('POST /v1/messages', [`Host: ${HOST}`, 'Transfer-Encoding: gzip, chunked']),
      400,
    ],
    [
      'chunked twice',
      requestText('POST /v1/messages', [`Host: ${HOST}`, 'Transfer-Encoding: chunked, chunked']),
      400,
    ],
    ['a blank before the colon', requestText('GET /', [`Host : ${HOST}`]), 400],
    ['a folded header', requestText('GET /', [`Host: ${HOST}`, 'X: a\r\n b']), 400],
    ['a bare CR in a value', requestText('GET /', [`Host: ${HOST}`, 'X: a\rb']), 400],
    ['a NUL in a value', requestText('GET /', [`Host: ${HOST}`, 'X: a\0b']), 400],
    [
      '101 headers',
      get(
        '/',
        HOST,
        Array.from({ length: 101 }, (_, i) => `X-${i}: 1`),
      ),
      431,
    ],
    ['17 KiB of head', get('/', HOST, [`X: ${'x'.repeat(17 * 1024)}`]), 431],
    ['absolute form', requestText('GET https://evil.example/', [`Host: ${HOST}`]), 400],
    ['TRACE', requestText('TRACE /', [`Host: ${HOST}`]), 405],
    [
      'a length with a zero before it',
      requestText('POST /v1/messages', [`Host: ${HOST}`, 'Content-Length: 02'], '{}'),
      400,
    ],
    [
      'a length beyond all measure',
      requestText('POST /v1/messages', [`Host: ${HOST}`, `Content-Length: ${2n ** 63n}`], '{}'),
      400,
    ],
    [
      'an upgrade in HTTP/1.0',
      Buffer.from(`GET /v1/responses HTTP/1.0\r\nHost: ${HOST}\r\n${UPGRADE.join('\r\n')}\r\n\r\n`),
      400,
    ],
    ['another Host', get('/', 'evil.example'), 421],
    ['another port', get('/', `${HOST}:8443`), 421],
    ['two Hosts', get('/', HOST, ['Host: evil.example']), 400],
    ['no Host', requestText('GET /', []), 400],
    ['an unknown expectation', get('/', HOST, ['Expect: x']), 417],
  ]
  for (const [what, request, status] of malformed) {
    it(`gets ${status} for ${what}, and nothing reaches the provider`, async () => {
      const earlier = world.provider.exchanges.length
      const socket = await openIntercepted(world.daemon)
      assert.equal((await exchangeOn(socket, request)).status, status)
      assert.equal(world.provider.exchanges.length, earlier)
      socket.destroy()
    })
  }

  it('cannot smuggle credentials or framing in trailers', async () => {
    const socket = await openIntercepted(world.daemon)
    const trailers = [
      'X-Checksum: 1',
      'X-Api-Key: sk-evil',
      `Authorization: Bearer ${world.daemon.token}`,
      'Host: evil.example',
      'Coder-Session-Token: x',
      'Proxy-Authorization: x',
    ]
    const arriving = world.provider.nextExchange()
    socket.write(
      requestText(
        'POST /v1/messages',
        [`Host: ${HOST}`, 'Transfer-Encoding: chunked', 'Trailer: X-Api-Key'],
        `2\r\n{}\r\n0\r\n${trailers.join('\r\n')}\r\n\r\n`,
      ),
    )
    const exchange = await arriving
    assert.equal((await readAnswer(socket)).status, 200)
    assert.deepEqual(exchange.rawTrailers, ['X-Checksum', '1'])
    socket.destroy()
  })

  it('cannot have our own headers dropped by naming them in Connection', async () => {
    const socket = await openIntercepted(world.daemon)
    const arriving = world.provider.nextExchange()
    const names = 'x-api-key, content-length, host, authorization, transfer-encoding, close'
    socket.write(post('/v1/messages', HOST, '{}', [`Connection: ${names}`]))
    const { rawHeaders, request } = await arriving
    assert.equal((await readAnswer(socket)).status, 200)
    assert.ok(rawHeaders.includes(ANTHROPIC_KEY))
    assert.equal(request.text, '{}')
  })

  it('may name a header __proto__', async () => {
    const socket = await openIntercepted(world.daemon)
    const arriving = world.provider.nextExchange()
    socket.write(get('/v1/models', HOST, ['__proto__: x', 'constructor: y']))
    assert.ok((await arriving).rawHeaders.includes('__proto__'))
    assert.equal((await readAnswer(socket)).status, 200)
    socket.destroy()
  })

  it('gives up all its pipelined requests when it goes away', async () => {
    world.provider.script(() => ({ stallAfter: 1 }))
    const socket = await openIntercepted(world.daemon)
    const body = JSON.stringify({ stream: true })
    const earlier = world.provider.exchanges.length
    const request = post('/v1/messages', HOST, body)
    socket.write(Buffer.concat([request, request, request]))
    while (world.provider.exchanges.length < earlier + 3) await world.provider.nextExchange()
    await readHead(socket)
    socket.destroy()
    await world.daemon.event('connect_ended', ({ calls }) => calls === 3)
    const mine = world.provider.exchanges.slice(earlier)
    await Promise.all(mine.map(exchange => world.provider.ended(exchange)))
    world.provider.script(undefined)
    assert.equal(mine.length, 3)
    assert.ok(mine.every(({ outcome }) => outcome === 'closed'))
  })

  it('gives up all its pipelined requests with a switch behind them', async () => {
    world.provider.script(() => ({ stallAfter: 1 }))
    const socket = await openIntercepted(world.daemon)
    const earlier = world.provider.exchanges.length
    const request = post('/v1/messages', HOST, JSON.stringify({ stream: true }))
    socket.write(Buffer.concat([request, request]))
    while (world.provider.exchanges.length < earlier + 2) await world.provider.nextExchange()
    await readHead(socket)
    socket.write(requestText('CONNECT a.example:443', ['Host: a.example:443']))
    await readToEnd(socket)
    const mine = world.provider.exchanges.slice(earlier)
    await Promise.all(mine.map(exchange => world.provider.ended(exchange)))
    world.provider.script(undefined)
    assert.ok(mine.every(({ outcome }) => outcome === 'closed'))
  })

  it('gets its answer although it was refused in the middle of an upload', async () => {
    const socket = await openIntercepted(world.daemon)
    const answer = await exchangeOn(
      socket,
      post('/v1/messages', 'evil.example', Buffer.alloc(4 << 20)),
    )
    assert.equal(answer.status, 421)
    socket.destroy()
  })

  it('cannot make the daemon wait for a client that left during the handshake', async () => {
    const socket = await openConnect(world.daemon, ANTHROPIC)
    socket.resetAndDestroy()
    const ended = await world.daemon.event(
      'connect_ended',
      ({ tlsFailure }) => tlsFailure === 'closed',
    )
    assert.ok(ended.durationMs < 5000)
  })

  it('cannot have more than a few pipelined requests sent on at once', async () => {
    const socket = await openIntercepted(world.daemon)
    const one = get('/v1/models', HOST)
    socket.write(Buffer.concat(Array.from({ length: 60 }, () => one)))
    const statuses: number[] = []
    while (statuses.at(-1) !== 503) statuses.push((await readAnswer(socket)).status)
    assert.ok(statuses.length > 10, `${statuses.length}`)
    assert.ok(statuses.slice(0, -1).every(status => status === 200))
    socket.destroy()
    await assertAlive()
  })
})
