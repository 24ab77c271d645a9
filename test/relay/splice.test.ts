import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { type SpliceEnd, splice } from '../../src/relay/splice.ts'
import { listenOnLoopback } from '../support/listen.ts'
import { readToEnd } from '../support/raw-client.ts'

interface Spliced extends AsyncDisposable {
  /** The far ends; what is written to one comes out of the other. */
  readonly left: Socket
  readonly right: Socket
  /** The sides of the splice that `left` and `right` write to. */
  readonly nearLeft: Socket
  readonly nearRight: Socket
  readonly end: Promise<SpliceEnd>
  readonly stop: AbortController
}

/** left ⇄ (near left ⇄ splice ⇄ near right) ⇄ right, over real sockets. */
async function spliced(idleMs = 10_000): Promise<Spliced> {
  const server = createServer({ allowHalfOpen: true })
  const port = await listenOnLoopback(server)
  const pair = async (): Promise<[far: Socket, near: Socket]> => {
    const accepted = once(server, 'connection') as Promise<[Socket]>
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const [near] = await accepted
    far.on('error', () => {})
    return [far, near]
  }
  const [left, nearLeft] = await pair()
  const [right, nearRight] = await pair()
  const stop = new AbortController()
  const end = splice(nearLeft, nearRight, { idleMs, signal: stop.signal })
  return {
    left,
    right,
    nearLeft,
    nearRight,
    end,
    stop,
    async [Symbol.asyncDispose]() {
      for (const socket of [left, right, nearLeft, nearRight]) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

describe('splice', () => {
  it('carries bytes both ways unchanged and ends when both sides have', async () => {
    await using world = await spliced()
    const up = randomBytes(1 << 20)
    const down = randomBytes(1 << 20)
    const received = Promise.all([readToEnd(world.right), readToEnd(world.left)])
    world.left.end(up)
    world.right.end(down)
    const [atRight, atLeft] = await received
    assert.ok(atRight.equals(up))
    assert.ok(atLeft.equals(down))
    assert.equal(await world.end, 'closed')
  })

  it('lets one side answer after the other has ended', async () => {
    await using world = await spliced()
    const answer = readToEnd(world.left)
    world.left.end('question')
    assert.equal(String(await readToEnd(world.right)), 'question')
    world.right.end('answer')
    assert.equal(String(await answer), 'answer')
    assert.equal(await world.end, 'closed')
  })

  it('passes a break on as a break, not as an end', async () => {
    await using world = await spliced()
    world.left.resume()
    const broken = once(world.left, 'error') as Promise<[NodeJS.ErrnoException]>
    world.right.resetAndDestroy()
    assert.equal((await broken)[0].code, 'ECONNRESET')
    assert.equal(await world.end, 'broken')
  })

  it('breaks off what a side that is closed whole can no longer be told', async () => {
    await using world = await spliced()
    world.nearLeft.allowHalfOpen = false
    world.left.resume()
    world.left.end('question')
    assert.equal(await world.end, 'broken')
  })

  it('ends when nothing moves for the idle limit', async () => {
    await using world = await spliced(30)
    world.left.resume()
    world.right.resume()
    assert.equal(await world.end, 'idle')
  })

  it('lets a side be silent that waits for the other to take what it sent', async () => {
    await using world = await spliced()
    const chunk = Buffer.alloc(1 << 20)
    while (world.nearLeft.writableLength === 0) {
      world.right.write(chunk)
      await new Promise(resolve => setImmediate(resolve))
    }
    const sayIdle = (side: Socket): void => void side.emit('timeout')
    sayIdle(world.nearRight)
    assert.equal(world.nearRight.destroyed, false)
    // The other has taken nothing either: now nothing moves.
    sayIdle(world.nearLeft)
    assert.equal(await world.end, 'idle')
  })

  it('ends at once when it is told to', async () => {
    await using world = await spliced()
    world.stop.abort()
    assert.equal(await world.end, 'stopped')
  })

  it('leaves no socket behind when it is told to stop amid an end', async () => {
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length
    const before = sockets()
    await using world = await spliced()
    world.left.resume()
    world.right.resume()
    // Right after the end was passed on: the shutdown of the other side is under way.
    world.nearLeft.once('end', () => world.stop.abort())
    world.left.end('last words')
    assert.equal(await world.end, 'stopped')
    world.left.destroy()
    world.right.destroy()
    for (let turn = 0; turn < 1000 && sockets() > before; turn++) {
      await new Promise(resolve => setImmediate(resolve))
    }
    assert.ok(sockets() <= before)
  })

  it('does not read more than the slow side takes', async () => {
    await using world = await spliced()
    const chunk = Buffer.alloc(1 << 16)
    let accepted = 0
    // Nobody reads on the right: the writer must be held after what buffers hold.
    for (let i = 0; i < 2000 && !world.left.writableNeedDrain; i++) {
      world.left.write(chunk)
      accepted += chunk.length
      await new Promise(resolve => setImmediate(resolve))
    }
    assert.ok(world.left.writableNeedDrain, `held after ${accepted} bytes`)
    world.stop.abort()
    await world.end
  })
})
