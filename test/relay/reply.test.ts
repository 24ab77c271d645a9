import assert from 'node:assert/strict'
import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import { PassThrough, type Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { discardRest } from '../../src/relay/refusal.ts'
import { writeReply } from '../../src/relay/reply.ts'
import { listenOnLoopback } from '../support/listen.ts'
import { connectRaw, readBytes, readHead, readToEnd } from '../support/raw-client.ts'

interface Given {
  readonly headers?: readonly string[]
  readonly body: Readable & { readonly rawTrailers?: readonly string[] }
}

interface Answering extends AsyncDisposable {
  readonly port: number
  readonly written: Promise<void>
}

async function answering({ headers = [], body }: Given): Promise<Answering> {
  const written = Promise.withResolvers<void>()
  const server = http.createServer((_request, response) => {
    const reply = { kind: 'response', status: 200, statusText: 'Fine', headers, body } as const
    writeReply(response, reply).then(written.resolve, written.reject)
  })
  const port = await listenOnLoopback(server)
  return {
    port,
    written: written.promise,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function ask(port: number): Promise<Awaited<ReturnType<typeof connectRaw>>> {
  const socket = await connectRaw({ host: '127.0.0.1', port })
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  return socket
}

describe('writeReply', () => {
  it('keeps status text, header order, case and duplicates, and adds no Date', async () => {
    const body = new PassThrough()
    const headers = [
      'X-B',
      '1',
      'x-a',
      '2',
      'Set-Cookie',
      'a',
      'Set-Cookie',
      'b',
      'Content-Length',
      '0',
    ]
    await using server = await answering({ headers, body })
    const socket = await ask(server.port)
    body.end()
    const head = await readHead(socket)
    assert.equal(head.startLine, 'HTTP/1.1 200 Fine')
    const names = head.text
      .split('\r\n')
      .slice(1, 6)
      .map(line => line.trim())
    assert.deepEqual(names, [
      'X-B: 1',
      'x-a: 2',
      'Set-Cookie: a',
      'Set-Cookie: b',
      'Content-Length: 0',
    ])
    assert.equal(head.header('date'), undefined)
    socket.destroy()
  })

  it('sends head and each chunk as they come', async () => {
    const body = new PassThrough()
    await using server = await answering({ headers: ['Content-Length', '10'], body })
    const socket = await ask(server.port)
    await readHead(socket)
    body.write('first')
    assert.equal(String(await readBytes(socket, 5)), 'first')
    body.end('other')
    assert.equal(String(await readBytes(socket, 5)), 'other')
    await server.written
    socket.destroy()
  })

  it('does not finish an answer whose source broke', async () => {
    const body = new PassThrough()
    await using server = await answering({ body })
    const socket = await ask(server.port)
    await readHead(socket)
    body.write('half')
    assert.equal(String(await readBytes(socket, 9)), '4\r\nhalf\r\n')
    body.destroy(new Error('cut'))
    assert.equal(String(await readToEnd(socket)), '', 'no last chunk')
    await server.written
  })

  it('lets go of the source when the client goes away', async () => {
    const body = new PassThrough()
    await using server = await answering({ body })
    const socket = await ask(server.port)
    await readHead(socket)
    const closed = once(body, 'close')
    socket.destroy()
    await closed
    await server.written
    assert.ok(body.destroyed)
  })

  it('holds the source while the client does not read', async () => {
    const body = new PassThrough()
    await using server = await answering({ body })
    const socket = await ask(server.port)
    await readHead(socket)
    socket.pause()
    const chunk = Buffer.alloc(1 << 16)
    let sent = 0
    for (; sent < 2000 && body.write(chunk); sent++) {
      await new Promise(resolve => setImmediate(resolve))
    }
    assert.ok(sent < 2000, 'the source was never held')
    socket.destroy()
    await server.written
  })

  it('passes trailers on', async () => {
    const body: PassThrough & { rawTrailers?: readonly string[] } = new PassThrough()
    body.rawTrailers = ['X-Sum', 'abc']
    await using server = await answering({ headers: ['Transfer-Encoding', 'chunked'], body })
    const request = http.get({ port: server.port, host: '127.0.0.1' })
    body.end('x')
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.resume()
    await once(response, 'end')
    assert.deepEqual(response.trailers, { 'x-sum': 'abc' })
  })
})

describe('discardRest', () => {
  it('closes on a client that stops in the middle of an upload nobody needs', async () => {
    const server = http.createServer((_request, response) => {
      response.end('no, thanks')
      discardRest(response, 30)
    })
    const port = await listenOnLoopback(server)
    const socket = await connectRaw({ host: '127.0.0.1', port })
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc')
    assert.match(String(await readToEnd(socket)), /no, thanks$/)
    server.close()
    await once(server, 'close')
  })
})
