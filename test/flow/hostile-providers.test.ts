import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { TestDaemon } from '../support/daemon.ts'
import { answerRawly, type Origin, startTcpOrigin } from '../support/origin.ts'
import { readHead } from '../support/raw-client.ts'
import { ANTHROPIC, openIntercepted, startAiDaemon } from './ai-world.ts'
import { type Answer, exchangeOn, get, post } from './wire.ts'

const HOST = 'api.anthropic.com'

const https = (url: string): string => url.replace('tls:', 'https:')

/** What the provider answers with, whatever it is asked. */
let script: readonly string[] = []
let provider: Origin
let shared: TestDaemon
before(async () => {
  provider = await startTcpOrigin(socket => answerRawly(...script)(socket), { tls: true })
  shared = await startAiDaemon(https(provider.url))
})
after(async () => {
  await shared[Symbol.asyncDispose]()
  await provider[Symbol.asyncDispose]()
})

async function askRaw(...writes: readonly string[]): Promise<Answer> {
  script = writes
  const socket = await openIntercepted(shared)
  const answer = await exchangeOn(socket, post('/v1/messages', HOST, '{}'))
  socket.destroy()
  return answer
}

describe('an answer that breaks the rules', () => {
  const cases: readonly (readonly [what: string, bytes: string])[] = [
    ['no HTTP', 'SSH-2.0-x\r\n\r\n'],
    ['nothing', ''],
    ['half a head', 'HTTP/1.1 200 OK\r\nContent-'],
    [
      'a length and chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    ],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'],
    [
      'a coding before chunked',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    ],
    [
      'an unknown coding',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    ],
    [
      'chunks in HTTP/1.0',
      'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    ],
    ['a length with a zero before it', 'HTTP/1.1 200 OK\r\nContent-Length: 02\r\n\r\nok'],
    ['a folded header', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n'],
    ['a NUL in a value', 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n'],
    ['a status below 100', 'HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n'],
    ['a switch of protocols', 'HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nabc'],
    ['a switch without a name', 'HTTP/1.1 101 Go\r\n\r\nabc'],
    ['65 KiB of head', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(65 * 1024)}\r\n\r\n`],
    ['3000 fields', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(3000)}Content-Length: 0\r\n\r\n`],
  ]
  for (const [what, bytes] of cases) {
    it(`becomes 502 in the provider's dialect: ${what}`, async () => {
      const answer = await askRaw(bytes)
      assert.equal(answer.status, 502)
      assert.equal(answer.head.header('x-aibridge-reason'), 'provider_broken')
      assert.equal(JSON.parse(answer.text).type, 'error')
    })
  }

  it('is relayed without a reason phrase that cannot be written', async () => {
    const answer = await askRaw('HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\nok')
    assert.equal(answer.head.startLine.trimEnd(), 'HTTP/1.1 200')
    assert.equal(answer.text, 'ok')
  })

  it('may have a head of 40 KiB', async () => {
    const long = 'x'.repeat(40 * 1024)
    const answer = await askRaw(`HTTP/1.1 200 OK\r\nX: ${long}\r\nContent-Length: 2\r\n\r\nok`)
    assert.deepEqual([answer.status, answer.text], [200, 'ok'])
  })

  it('keeps its status and phrase, however odd', async () => {
    const answer = await askRaw('HTTP/1.1 529 Overloaded, really\r\nContent-Length: 2\r\n\r\nok')
    assert.equal(answer.head.startLine, 'HTTP/1.1 529 Overloaded, really')
  })
})

describe('a hostile provider', () => {
  it('cannot end the daemon with early hints that are none', async () => {
    for (const hint of [
      'Link: nonsense',
      'Link: </a>; rel=x\r\n__proto__: y',
      '__proto__: y',
      'X: y',
    ]) {
      const answer = await askRaw(
        `HTTP/1.1 103 Hint\r\n${hint}\r\n\r\n`,
        'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      )
      assert.ok([103, 200].includes(answer.status), `${hint}: ${answer.status}`)
    }
  })

  it('cannot flood the client with informational answers', async () => {
    script = ['HTTP/1.1 103 Hint\r\nLink: </a>; rel=preload\r\n\r\n'.repeat(500)]
    const socket = await openIntercepted(shared)
    socket.write(post('/v1/messages', HOST, '{}'))
    let hints = 0
    let head = await readHead(socket)
    for (; head.status === 103; head = await readHead(socket)) hints += 1
    assert.ok(hints <= 32, `${hints}`)
    assert.equal(head.status, 502)
    socket.destroy()
  })

  it('cannot put framing or cookies into trailers', async () => {
    const answer = await askRaw(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n' +
        'X-Sum: 1\r\nSet-Cookie: a=b\r\nProxy-Authenticate: x\r\n\r\n',
    )
    assert.deepEqual(answer.trailers, ['x-sum', '1'])
  })

  it('has all its trailers handed on', async () => {
    const trailers = 'X-Sum: 1\r\n'.repeat(1500)
    const answer = await askRaw(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${trailers}\r\n`,
    )
    assert.equal(answer.trailers.length, 3000)
  })

  it('cannot announce a length where nothing follows', async () => {
    const hint = 'HTTP/1.1 103 Hint\r\nLink: </a>; rel=preload\r\nContent-Length: 5\r\n\r\n'
    for (const bytes of [hint, 'HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n']) {
      const answer = await askRaw(bytes, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      assert.equal(answer.head.header('content-length'), undefined)
    }
  })

  it('is asked no second time on a connection it has left bytes on', async () => {
    const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    const onConnection = (socket: Socket): void => {
      socket.on('data', () => socket.write(`${ok}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`))
    }
    await using origin = await startTcpOrigin(onConnection, { tls: true })
    await using daemon = await startAiDaemon(https(origin.url))
    const socket = await openIntercepted(daemon)
    for (let i = 0; i < 5; i += 1) {
      const answer = await exchangeOn(socket, get('/v1/models', HOST))
      assert.equal(answer.text, 'ok')
    }
    socket.destroy()
  })

  it('that refuses an upload before its end has its refusal relayed, and the next call works', async () => {
    const onConnection = (socket: Socket): void => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno')
      })
    }
    await using origin = await startTcpOrigin(onConnection, { tls: true })
    await using daemon = await startAiDaemon(https(origin.url))
    const socket = await openIntercepted(daemon)
    const upload = post('/v1/messages', HOST, Buffer.alloc(8 << 20))
    for (let i = 0; i < 3; i += 1) {
      const answer = await exchangeOn(socket, upload)
      assert.deepEqual([answer.status, answer.text], [413, 'no'])
    }
    assert.equal(origin.connections, 3)
    socket.destroy()
  })

  it('that breaks off in the middle of an upload leaves the connection in step', async () => {
    await using origin = await startTcpOrigin(
      socket => socket.once('data', () => socket.destroy()),
      {
        tls: true,
      },
    )
    await using daemon = await startAiDaemon(https(origin.url))
    const socket = await openIntercepted(daemon, { authority: ANTHROPIC })
    for (let i = 0; i < 3; i += 1) {
      const answer = await exchangeOn(socket, post('/v1/messages', HOST, Buffer.alloc(4 << 20)))
      assert.equal(answer.status, 502)
    }
    socket.destroy()
  })
})
