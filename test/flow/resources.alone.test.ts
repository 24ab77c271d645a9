import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import type { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { mayReach } from '../support/daemon.ts'
import { echo, startTcpOrigin } from '../support/origin.ts'
import { connectThrough, readHead, secureOver } from '../support/raw-client.ts'
import { type AiWorld, ANTHROPIC, OPENAI, openConnect, startAiWorld } from './ai-world.ts'
import { exchangeOn, get, post } from './wire.ts'

const HOST = 'api.anthropic.com'
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

/** One life of a connection, cut off at a stage that depends on `index`. */
async function live(world: AiWorld, tunnelTo: string, index: number): Promise<void> {
  const { daemon } = world
  const cut = (socket: Socket): void => {
    if (index % 2 === 0) socket.destroy()
    else socket.resetAndDestroy()
  }
  const stage = Math.floor(index / 2) % 7
  if (stage === 0) {
    const { socket } = await connectThrough(daemon.proxy, tunnelTo, daemon)
    socket.write('x')
    cut(socket)
    return
  }
  const raw = await openConnect(daemon, stage < 5 ? ANTHROPIC : OPENAI)
  if (stage === 1) {
    raw.write('\x16\x03\x01')
    cut(raw)
    return
  }
  const host = stage < 5 ? HOST : 'api.openai.com'
  const socket = await secureOver(raw, { ca: daemon.caPem, servername: host })
  if (stage === 2) socket.write('GET / HT')
  if (stage === 3) await exchangeOn(socket, get('/v1/models', host))
  if (stage === 4) {
    socket.write(post('/v1/messages', host, JSON.stringify({ stream: true })))
    await readHead(socket)
  }
  if (stage === 5) {
    socket.write(get('/v1/responses', host, UPGRADE))
    await readHead(socket)
  }
  if (stage === 6)
    socket.write(post('/v1/responses', host, Buffer.alloc(200_000)).subarray(0, 100_000))
  cut(raw)
}

describe('after connections that were cut off anywhere, ten times each', () => {
  it('nothing is left open, and nothing was warned about or thrown', async () => {
    const troubles: unknown[] = []
    const onTrouble = (trouble: unknown): void => void troubles.push(trouble)
    for (const name of ['warning', 'unhandledRejection', 'uncaughtExceptionMonitor']) {
      process.on(name, onTrouble)
    }
    await using origin = await startTcpOrigin(echo)
    await using world = await startAiWorld({
      provider: { gapMs: 5 },
      env: mayReach(origin.port),
    })
    await live(world, origin.authority, 6)
    await settled(world)
    const baseline = openSockets()

    for (let i = 0; i < 140; i += 10) {
      await Promise.all(
        Array.from({ length: 10 }, async (_, j) => await live(world, origin.authority, i + j)),
      )
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

/** Every connection that began has ended, by the daemon's own account. */
async function settled({ daemon }: AiWorld): Promise<void> {
  const count = (type: string): number => daemon.events.filter(event => event.type === type).length
  for (let i = 0; count('connect_ended') < count('connect_started') && i < 100; i += 1) {
    await delay(50)
  }
  assert.equal(count('connect_ended'), count('connect_started'))
  for (let i = 0; count('call_ended') < count('call_started') && i < 100; i += 1) await delay(50)
  assert.equal(count('call_ended'), count('call_started'))
}
