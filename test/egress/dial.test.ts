import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { dial } from '../../src/egress/dial.ts'
import { type Pinned, pinOperatorDestination } from '../../src/egress/guard.ts'
import { type Address, parseAddress } from '../../src/kernel/address.ts'
import { listenOnLoopback } from '../support/listen.ts'
import { readToEnd } from '../support/raw-client.ts'

const never = new AbortController().signal

function pin(...texts: string[]): readonly Pinned[] {
  const addresses: Address[] = texts.flatMap(text => parseAddress(text) ?? [])
  const judged = pinOperatorDestination(addresses, () => false, 0)
  assert.ok(judged.ok)
  return judged.allowed
}

async function listening(t: TestContext, onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server: Server = createServer({ allowHalfOpen: true }, socket => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    onSocket(socket)
  })
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return await listenOnLoopback(server)
}

/**
 * An address at which connections neither succeed nor fail: a stopped process
 * whose short queue of connections is full, so that the kernel drops what comes.
 */
async function blackHole(t: TestContext, host: string, port: number): Promise<void> {
  const script = `require('net').createServer().listen({ host: '${host}', port: ${port}, backlog: 1 }, () => console.log('up'))`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const fillers: Socket[] = []
  t.after(() => {
    for (const filler of fillers) filler.destroy()
    child.kill('SIGKILL')
  })
  await once(child.stdout, 'data')
  child.kill('SIGSTOP')
  for (let i = 0; i < 2; i += 1) {
    const filler = connect({ host, port })
    fillers.push(filler)
    await once(filler, 'connect')
  }
}

describe('dial', () => {
  it('gives a half-open socket to the judged address', async t => {
    const port = await listening(t, socket => {
      socket.on('end', () => socket.end('after your end')).resume()
    })
    const socket = await dial(pin('127.0.0.1'), port, { timeoutMs: 1000, signal: never })
    assert.equal(socket.remoteAddress, '127.0.0.1')
    socket.end('bye')
    assert.equal((await readToEnd(socket)).toString(), 'after your end')
  })

  it('goes on at once when an address refuses', async t => {
    const port = await listening(t, () => undefined)
    const start = performance.now()
    const pins = pin('127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.1')
    const socket = await dial(pins, port, { timeoutMs: 5000, signal: never })
    assert.equal(socket.remoteAddress, '127.0.0.1')
    assert.ok(performance.now() - start < 200)
    socket.destroy()
  })

  it('loses about 250 ms to a dead first address, and no more', async t => {
    const port = await listening(t, () => undefined)
    await blackHole(t, '127.0.0.2', port)
    const start = performance.now()
    const pins = pin('127.0.0.2', '127.0.0.1')
    const socket = await dial(pins, port, { timeoutMs: 5000, signal: never })
    const elapsed = performance.now() - start
    assert.equal(socket.remoteAddress, '127.0.0.1')
    assert.ok(elapsed > 240 && elapsed < 500, `${elapsed} ms`)
    socket.destroy()
  })

  it('waits for a slow address until the whole time is over', async t => {
    const port = await listening(t, () => undefined)
    await blackHole(t, '127.0.0.2', port)
    await assert.rejects(
      dial(pin('127.0.0.2', '127.0.0.3'), port, { timeoutMs: 400, signal: never }),
      (error: Error) => {
        assert.match(error.message, /^connect_timeout: .*127\.0\.0\.3.*no connection within 400 ms/)
        return true
      },
    )
  })

  it('says what became of every address', async t => {
    const port = await listening(t, () => undefined)
    await assert.rejects(
      dial(pin('127.0.0.2', '127.0.0.3'), port, { timeoutMs: 1000, signal: never }),
      /^Refusal: connect_failed: .*127\.0\.0\.2.*127\.0\.0\.3/,
    )
  })

  it('stops when it is told to', async t => {
    const port = await listening(t, () => undefined)
    await blackHole(t, '127.0.0.2', port)
    const abort = new AbortController()
    const dialled = dial(pin('127.0.0.2'), port, { timeoutMs: 5000, signal: abort.signal })
    abort.abort(new Error('the client is gone'))
    await assert.rejects(dialled, /the client is gone/)
    await assert.rejects(
      dial(pin('127.0.0.1'), port, { timeoutMs: 5000, signal: abort.signal }),
      /the client is gone/,
    )
  })

  it('survives an error that nobody listens for', async t => {
    const port = await listening(t, socket => {
      socket.once('data', () => socket.resetAndDestroy())
    })
    const socket = await dial(pin('127.0.0.1'), port, { timeoutMs: 1000, signal: never })
    socket.resume().write('x')
    if (!socket.closed) await new Promise(fulfil => socket.once('close', fulfil))
    assert.equal(socket.destroyed, true)
  })

  it('takes nothing that the judge did not make', async () => {
    const [address] = pin('127.0.0.1')
    const forged: unknown = { address: address?.address }
    await assert.rejects(
      async () => Reflect.apply(dial, undefined, [[forged], 80, { timeoutMs: 10, signal: never }]),
      TypeError,
    )
  })
})
