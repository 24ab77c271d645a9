import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import type { Event } from '../../src/kernel/event.ts'
import { firstHeader } from '../../src/kernel/headers.ts'
import type { TestDaemon } from '../support/daemon.ts'
import { type Origin, startTcpOrigin } from '../support/origin.ts'
import { readBytes, readHead, readToEnd, secureOver } from '../support/raw-client.ts'
import { squidMissing, startSquid } from '../support/squid.ts'
import {
  type AiWorld,
  OPENAI,
  OPENAI_KEY,
  openConnect,
  openIntercepted,
  startAiDaemon,
  startAiWorld,
} from './ai-world.ts'
import { exchangeOn, get, readAnswer } from './wire.ts'

const HOST = 'api.openai.com'
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const UPGRADE = [
  'Connection: keep-alive, Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${KEY}`,
  'Sec-WebSocket-Protocol: a, b',
  'Sec-WebSocket-Extensions: permessage-deflate',
]
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
const upgrade = get('/v1/responses', HOST, UPGRADE)

/** A provider that is only bytes: what it does is what the test has put here. */
let onHead: (socket: Socket, head: string) => void = () => {}

function startScripted(): Promise<Origin> {
  return startTcpOrigin(
    socket => {
      void readHead(socket).then(
        ({ text }) => onHead(socket, text),
        () => socket.destroy(),
      )
    },
    { tls: true },
  )
}

const https = ({ url }: Origin): string => url.replace('tls:', 'https:')

let world: AiWorld
let origin: Origin
/** Whose providers are that origin. */
let daemon: TestDaemon
const opened = new AsyncDisposableStack()

before(async () => {
  world = opened.use(await startAiWorld())
  origin = opened.use(await startScripted())
  daemon = opened.use(await startAiDaemon(https(origin)))
})
after(() => opened.disposeAsync())

/** The next event of a type: those of earlier tests do not count. */
function nextEvent<T extends Event['type']>(
  of: TestDaemon,
  type: T,
): Promise<Extract<Event, { type: T }>> {
  const since = of.events.length
  return of.event(type, event => of.events.indexOf(event) >= since)
}

async function openWebSocket(through: TestDaemon): Promise<WebSocket> {
  const socket = await openIntercepted(through, { authority: OPENAI })
  const webSocket = new WebSocket(`wss://${HOST}/v1/responses`, {
    createConnection: () => socket,
    perMessageDeflate: false,
  })
  await once(webSocket, 'open')
  return webSocket
}

/** Messages that come in one piece are told in one go, so none is waited for one by one. */
function createResponse(webSocket: WebSocket): Promise<string> {
  const completed = new Promise<string>(resolve => {
    const onMessage = (data: Buffer): void => {
      const { type } = JSON.parse(String(data)) as { type: string }
      if (type !== 'response.completed') return
      webSocket.off('message', onMessage)
      resolve(type)
    }
    webSocket.on('message', onMessage)
  })
  webSocket.send(JSON.stringify({ type: 'response.create', model: 'm', input: 'x' }))
  return completed
}

describe('a WebSocket', () => {
  it('carries responses with the central key, closes in order, and is one call', async () => {
    const [call, session] = [
      nextEvent(world.daemon, 'call_ended'),
      nextEvent(world.daemon, 'connect_ended'),
    ]
    const webSocket = await openWebSocket(world.daemon)
    for (let i = 0; i < 3; i += 1) await createResponse(webSocket)
    webSocket.close(1000, 'done')
    const [code, reason] = (await once(webSocket, 'close')) as [number, Buffer]
    assert.deepEqual([code, String(reason)], [1000, 'done'])
    assert.ok(world.provider.sawInHeaders(OPENAI_KEY))
    const ended = await call
    assert.deepEqual(
      [ended.kind, ended.status, ended.outcome, ended.route],
      ['websocket', 101, 'completed', '/v1/responses'],
    )
    assert.ok(ended.bytesUp > 100 && ended.bytesDown > 100)
    assert.equal((await session).calls, 1)
  })

  it('has its headers handed on both ways, the hop-by-hop ones anew', async () => {
    const heads = Promise.withResolvers<string>()
    onHead = (socket, head) => {
      heads.resolve(head)
      socket.write(
        `${SWITCH}Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: b\r\nContent-Length: 5\r\n\r\n`,
      )
    }
    const socket = await openIntercepted(daemon, { authority: OPENAI })
    socket.write(upgrade)
    const head = await readHead(socket)
    assert.equal(head.startLine, 'HTTP/1.1 101 Switching Protocols')
    assert.equal(head.header('sec-websocket-protocol'), 'b')
    assert.equal(head.header('sec-websocket-accept'), 'x')
    assert.equal(head.header('upgrade'), 'websocket')
    assert.equal(head.header('content-length'), undefined)
    const sent = await heads.promise
    assert.match(sent, /^GET \/v1\/responses HTTP\/1\.1\r\n/)
    assert.match(sent, /^Sec-WebSocket-Protocol: a, b\r$/m)
    assert.match(sent, /^Sec-WebSocket-Extensions: permessage-deflate\r$/m)
    assert.match(sent, /^Connection: Upgrade\r$/m)
    assert.equal(sent.match(/^connection:/gim)?.length, 1)
    socket.destroy()
  })

  it('loses no frame that came in one packet with the upgrade or the 101', async () => {
    onHead = socket => {
      socket.write(`${SWITCH}\r\nfrom provider;`)
      socket.pipe(socket)
    }
    const socket = await openIntercepted(daemon, { authority: OPENAI })
    socket.write(Buffer.concat([upgrade, Buffer.from('from client')]))
    assert.equal((await readHead(socket)).status, 101)
    const expected = 'from provider;from client'
    assert.equal(String(await readBytes(socket, expected.length)), expected)
    socket.end()
    await readToEnd(socket)
    const { bytesUp, bytesDown } = await daemon.event('call_ended')
    assert.deepEqual([bytesUp, bytesDown], ['from client'.length, expected.length])
  })

  it('may follow ordinary requests on its connection', async () => {
    const socket = await openIntercepted(world.daemon, { authority: OPENAI })
    assert.equal((await exchangeOn(socket, get('/v1/models', HOST))).status, 200)
    socket.write(upgrade)
    assert.equal((await readHead(socket)).status, 101)
    socket.destroy()
    await world.daemon.event('connect_ended', ({ calls }) => calls === 2)
  })

  for (const status of [401, 426, 500]) {
    it(`that is answered with ${status} has the answer relayed at once, body and all`, async () => {
      const ended = nextEvent(daemon, 'connect_ended')
      const answer = `HTTP/1.1 ${status} No\r\nX-Why: because\r\nContent-Length: 4\r\n\r\nwhy?`
      onHead = socket => socket.write(answer)
      const socket = await openIntercepted(daemon, { authority: OPENAI })
      socket.write(upgrade)
      const got = await readAnswer(socket)
      assert.deepEqual(
        [got.status, got.text, got.head.header('x-why')],
        [status, 'why?', 'because'],
      )
      assert.equal(got.head.header('upgrade'), undefined)
      // The client keeps its side open; the daemon must not wait for it.
      await readToEnd(socket)
      await ended
      socket.destroy()
    })
  }

  for (const framing of ['Content-Length: 60', 'Transfer-Encoding: chunked']) {
    it(`is refused when it announces a body (${framing})`, async () => {
      const socket = await openIntercepted(world.daemon, { authority: OPENAI })
      const seen = world.provider.exchanges.length
      const answer = await exchangeOn(socket, get('/v1/responses', HOST, [...UPGRADE, framing]))
      assert.equal(answer.status, 400)
      assert.equal(answer.head.header('x-aibridge-reason'), 'framing')
      assert.equal(world.provider.exchanges.length, seen)
      socket.destroy()
    })
  }

  it('that is declined leaves no connection for the next caller, and no length', async () => {
    const heads: string[] = []
    const known = origin.connections
    const last = 'Connection: close\r\n'
    onHead = (socket, head) => {
      heads.push(head)
      const close = heads.length > 1 ? last : ''
      socket.write(`HTTP/1.1 426 No\r\n${close}Content-Length: 2\r\n\r\nno`)
      socket.resume()
    }
    for (const headers of [[...UPGRADE, 'Content-Length: 0'], []]) {
      const socket = await openIntercepted(daemon, { authority: OPENAI })
      assert.equal((await exchangeOn(socket, get('/v1/responses', HOST, headers))).status, 426)
      socket.destroy()
    }
    assert.equal(origin.connections - known, 2)
    assert.doesNotMatch(heads[0] ?? '', /content-length/i)
  })

  it('is refused in the dialect of the provider when that is gone', async () => {
    const gone = await startTcpOrigin(() => {}, { tls: true })
    await gone[Symbol.asyncDispose]()
    await using bereft = await startAiDaemon(https(gone))
    const socket = await openIntercepted(bereft, { authority: OPENAI })
    socket.write(upgrade)
    const answer = await readAnswer(socket)
    assert.equal(answer.status, 426)
    assert.equal(answer.head.header('x-aibridge-reason'), 'provider_unreachable')
    assert.equal(JSON.parse(answer.text).error.type, 'server_error')
    socket.destroy()
  })

  it('is not one when the provider switches to something else', async () => {
    onHead = socket =>
      socket.write('HTTP/1.1 101 Go\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n')
    const socket = await openIntercepted(daemon, { authority: OPENAI })
    socket.write(upgrade)
    const answer = await readAnswer(socket)
    assert.equal(answer.head.header('x-aibridge-reason'), 'provider_broken')
    socket.destroy()
  })

  for (const how of ['destroy', 'resetAndDestroy'] as const) {
    it(`breaks at the provider when the client breaks off (${how})`, async () => {
      const ended = nextEvent(world.daemon, 'connect_ended')
      const arriving = world.provider.nextExchange()
      const raw = await openConnect(world.daemon, OPENAI)
      const socket = await secureOver(raw, { ca: world.daemon.caPem, servername: HOST })
      socket.write(upgrade)
      await readHead(socket)
      raw[how]()
      await world.provider.ended(await arriving)
      await ended
    })

    it(`breaks at the client when the provider breaks off (${how})`, async () => {
      onHead = socket => socket.write(`${SWITCH}\r\n`)
      const ended = nextEvent(daemon, 'connect_ended')
      const tcp = origin.nextConnection()
      const socket = await openIntercepted(daemon, { authority: OPENAI })
      socket.write(upgrade)
      assert.equal((await readHead(socket)).status, 101)
      const broken = await tcp
      broken[how]()
      await readToEnd(socket)
      socket.destroy()
      await ended
    })
  }

  it('ends when nothing moves for the idle limit', async () => {
    onHead = socket => socket.write(`${SWITCH}\r\n`)
    await using impatient = await startAiDaemon(https(origin), {
      CODER_AIBRIDGE_PROXY_TUNNEL_IDLE_TIMEOUT: '300ms',
    })
    const socket = await openIntercepted(impatient, { authority: OPENAI })
    socket.write(upgrade)
    await readHead(socket)
    await readToEnd(socket)
    await impatient.event('connect_ended')
    socket.destroy()
  })

  it('passes through an upstream proxy', { skip: squidMissing() }, async () => {
    await using squid = await startSquid({ hosts: ['llm.example.com'] })
    await using behind = await startAiWorld({
      env: {
        CODER_AIBRIDGE_PROXY_UPSTREAM: `http://127.0.0.1:${squid.port}`,
      },
    })
    const webSocket = await openWebSocket(behind.daemon)
    await createResponse(webSocket)
    webSocket.terminate()
    await behind.daemon.event('connect_ended')
  })
})

describe('another upgrade', () => {
  for (const headers of [
    ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'],
    ['Connection: Upgrade', 'Upgrade: foo'],
    ['Connection: Upgrade', 'Upgrade: websocket, h2c'],
  ]) {
    it(`is never forwarded: ${headers[1]}`, async () => {
      const arriving = world.provider.nextExchange()
      const socket = await openIntercepted(world.daemon, { authority: OPENAI })
      assert.equal((await exchangeOn(socket, get('/v1/models', HOST, headers))).status, 200)
      const { rawHeaders } = await arriving
      for (const name of ['upgrade', 'http2-settings']) {
        assert.equal(firstHeader(rawHeaders, name), undefined)
      }
      socket.destroy()
    })
  }

  it('is not one when the method is not GET', async () => {
    const socket = await openIntercepted(world.daemon, { authority: OPENAI })
    const request = Buffer.from(
      `POST /v1/responses HTTP/1.1\r\nHost: ${HOST}\r\n${UPGRADE.join('\r\n')}\r\nContent-Length: 2\r\n\r\n{}`,
    )
    assert.equal((await exchangeOn(socket, request)).status, 200)
    socket.destroy()
  })
})
