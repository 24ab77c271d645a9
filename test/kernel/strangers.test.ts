import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { Strangers } from '../../src/kernel/strangers.ts'
import { listenOnLoopback } from '../support/listen.ts'

test('a connection with another answer under way is not idle', async () => {
  const busy = new Set<Socket>()
  const strangers = new Strangers({
    limit: () => 10,
    idleLimit: () => 1,
    isBusy: client => busy.has(client),
    onGaveWay: () => {},
  })
  const server = createServer()
  const port = await listenOnLoopback(server)
  const arrive = async (): Promise<Socket> => {
    const accepted = once(server, 'connection') as Promise<[Socket]>
    connect(port, '127.0.0.1').on('error', () => {})
    const [client] = await accepted
    strangers.arrive(client)
    return client
  }
  const answer = async (client: Socket): Promise<void> => {
    const one = new PassThrough()
    strangers.leaveFor(one, client)
    await once(one.destroy(), 'close')
  }
  const pipelined = await arrive()
  busy.add(pipelined)
  await answer(pipelined)
  const [first, second] = [await arrive(), await arrive()]
  await answer(first)
  await answer(second)
  assert.deepEqual([pipelined.destroyed, first.destroyed, second.destroyed], [false, true, false])
  busy.delete(pipelined)
  await answer(pipelined)
  assert.deepEqual([pipelined.destroyed, second.destroyed], [false, true])
  pipelined.destroy()
  server.close()
})
