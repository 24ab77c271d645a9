import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import type { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { mayReach, type TestDaemon } from '../support/daemon.ts'
import { echo, startTcpOrigin } from '../support/origin.ts'
import { testPki } from '../support/pki.ts'
import { connectRaw, connectThrough, readHead, secureOver } from '../support/raw-client.ts'
import {
  type AiWorld,
  ANTHROPIC,
  HOST_ANTHROPIC as HOST,
  OPENAI,
  openConnect,
  startAiWorld,
} from './ai-world.ts'
import { overHttp2, send } from './http2-world.ts'
import { get, post } from './wire.ts'

const HOST_OPENAI = 'api.openai.com'
const UPGRADE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]

function openSockets(): number {
  return readdirSync('/proc/self/fd').filter(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')
    } catch {
      return false
    }
  }).length
}

interface Place {
  readonly world: AiWorld
  /** An origin of tunnels and plain requests. */
  readonly origin: string
}

/** Brings a connection to some stage of its life; what it gives is cut off there. */
type Live = (place: Place, index: number) => Promise<Socket>

const STREAM = JSON.stringify({ stream: true })
const CALL = post('/v1/messages', HOST, STREAM)
const UPLOAD = post('/v1/responses', HOST_OPENAI, Buffer.alloc(200_000))

/** An intercepted connection that says this, and hears something of an answer to it. */
function intercepted(bytes: Buffer, authority = ANTHROPIC, hears = true): Live {
  return async ({ world: { daemon } }) => {
    const raw = await openConnect(daemon, authority)
    const servername = authority.slice(0, authority.lastIndexOf(':'))
    const socket = await secureOver(raw, { ca: daemon.caPem, servername })
    socket.write(bytes)
    if (hears) await readHead(socket)
    return raw
  }
}

const LIVES: readonly Live[] = [
  async ({ world: { daemon }, origin }) => {
    const { socket } = await connectThrough(daemon.proxy, origin, daemon)
    return writing(socket, 'x')
  },
  async ({ world: { daemon }, origin }) => {
    assert.ok(daemon.tls)
    const raw = await connectRaw(daemon.tls)
    const secure = await secureOver(raw, { ca: testPki().certPem, servername: 'localhost' })
    secure.write(`CONNECT ${origin} HTTP/1.1\r\n${authorization(daemon)}\r\n\r\n`)
    await readHead(secure)
    secure.write('x')
    return raw
  },
  async ({ world: { daemon }, origin }, index) => {
    const head = `GET http://${origin}/ HTTP/1.1\r\nHost: x\r\n${authorization(daemon)}\r\n\r\n`
    return writing(await connectRaw(daemon.proxy), head.repeat(1 + (index % 3)))
  },
  async ({ world: { daemon } }) => {
    const headers = [`Coder-Session-Token: ${daemon.token}`]
    const call = post('/api/v2/aibridge/anthropic/v1/messages', 'localhost', STREAM, headers)
    const socket = writing(await connectRaw(daemon.api), Buffer.concat([call, call]))
    await readHead(socket)
    return socket
  },
  async ({ world: { daemon } }) => writing(await openConnect(daemon, ANTHROPIC), '\x16\x03\x01'),
  async ({ world: { daemon } }, index) => {
    const raw = await openConnect(daemon, ANTHROPIC)
    const tls = { ca: daemon.caPem, servername: HOST, ALPNProtocols: ['h2'] }
    const session = overHttp2(await secureOver(raw, tls))
    for (let i = 0; i < 3; i += 1) send(session, {}, STREAM)
    for (let turn = index % 5; turn > 0; turn -= 1) {
      await new Promise(resolve => setImmediate(resolve))
    }
    return raw
  },
  intercepted(Buffer.from('GET / HT'), ANTHROPIC, false),
  intercepted(get('/v1/models', HOST)),
  intercepted(CALL),
  intercepted(Buffer.concat([CALL, CALL, CALL, CALL])),
  intercepted(get('/v1/responses', HOST_OPENAI, UPGRADE), OPENAI),
  intercepted(UPLOAD.subarray(0, 100_000), OPENAI, false),
]

function writing(socket: Socket, bytes: string | Buffer): Socket {
  socket.write(bytes)
  return socket
}

function authorization({ credentials }: TestDaemon): string {
  return `Proxy-Authorization: Basic ${Buffer.from(credentials).toString('base64')}`
}

async function liveAndLeave(place: Place, index: number): Promise<void> {
  const socket = await LIVES[index % LIVES.length]?.(place, index)
  if (Math.floor(index / LIVES.length) % 2 === 0) socket?.destroy()
  else socket?.resetAndDestroy()
}

describe('after connections that were cut off anywhere, eight times each', () => {
  it('nothing is left open, and nothing was warned about or thrown', async () => {
    const troubles: unknown[] = []
    const onTrouble = (trouble: unknown): void => void troubles.push(trouble)
    for (const name of ['warning', 'unhandledRejection', 'uncaughtExceptionMonitor']) {
      process.on(name, onTrouble)
    }
    const { certFile, keyFile } = testPki().issue(['localhost'])
    await using origin = await startTcpOrigin(echo)
    await using world = await startAiWorld({
      provider: { gapMs: 5 },
      env: {
        ...mayReach(origin.port),
        CODER_AIBRIDGE_PROXY_TLS_LISTEN_ADDR: '127.0.0.1:0',
        CODER_AIBRIDGE_PROXY_TLS_CERT_FILE: certFile,
        CODER_AIBRIDGE_PROXY_TLS_KEY_FILE: keyFile,
      },
    })
    const place = { world, origin: origin.authority }
    await liveAndLeave(place, LIVES.length - 1)
    await settled(world)
    const baseline = openSockets()

    for (let i = 0; i < 8 * LIVES.length; i += LIVES.length) {
      await Promise.all(LIVES.map(async (_, j) => await liveAndLeave(place, i + j)))
    }
    await settled(world)
    // Connections to the provider are kept for a few seconds to be used again.
    for (let i = 0; openSockets() > baseline + 2 && i < 80; i += 1) await delay(100)
    assert.ok(openSockets() <= baseline + 2, `${baseline} became ${openSockets()}`)
    for (const name of ['warning', 'unhandledRejection', 'uncaughtExceptionMonitor']) {
      process.off(name, onTrouble)
    }
    assert.deepEqual(troubles, [])
  })
})

/** All that began has ended, by the daemon's own account, and nothing counts as open. */
async function settled({ daemon: { events, api } }: AiWorld): Promise<void> {
  const open = (): number => {
    const ids = new Set<string>()
    for (const event of events) {
      if (event.type === 'connect_started') ids.add(event.connectId)
      if (event.type === 'call_started') ids.add(event.callId)
    }
    for (const event of events) {
      if (event.type === 'connect_ended') ids.delete(event.connectId)
      if (event.type === 'call_ended') ids.delete(event.callId)
    }
    return ids.size
  }
  let counted: readonly string[] = []
  for (let i = 0; i < 100; i += 1) {
    const metrics = await (await fetch(`http://${api.host}:${api.port}/metrics`)).text()
    const gauges = metrics.match(/^\w+(?:_inflight\w*|_open_connections)(?:\{.*\})? .+$/gm)
    assert.ok(gauges !== null)
    counted = gauges.filter(line => !line.endsWith(' 0'))
    if (open() + counted.length === 0) break
    await delay(50)
  }
  assert.deepEqual([open(), ...counted], [0])
}
