import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { firstHeader, headerValues } from '../../src/kernel/headers.ts'
import { mayReach, startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { listenOnLoopback } from '../support/listen.ts'
import { answerRawly, startTcpOrigin } from '../support/origin.ts'
import { connectRaw, readHead, readToEnd } from '../support/raw-client.ts'
import { providersEnv } from './ai-world.ts'
import { type Answer, exchangeOn, readAnswer, requestText } from './wire.ts'

/** A plain web server that echoes bodies and keeps what it saw. */
const requests: IncomingMessage[] = []
const server = createServer((req, res) => {
  requests.push(req)
  if (req.url === '/cut') {
    res.write('half')
    setImmediate(() => res.destroy())
    return
  }
  if (req.url === '/early') {
    res.end('done')
    return
  }
  if (req.url === '/half') {
    res.writeHead(200, { 'Content-Length': 100 })
    res.write('half')
    return
  }
  res.writeHead(200, { 'X-Method': req.method, 'X-Hop': '1', Connection: 'X-Hop' })
  req.pipe(res)
})
let authority = ''
let daemon: TestDaemon
let auth = ''

before(async () => {
  const port = await listenOnLoopback(server)
  authority = `localhost:${port}`
  daemon = await startTestDaemon({
    env: mayReach(port),
  })
  auth = `Proxy-Authorization: Basic ${Buffer.from(daemon.credentials).toString('base64')}`
})
after(async () => {
  await daemon[Symbol.asyncDispose]()
  server.closeAllConnections()
  server.close()
})

const send = async (socket: Socket, startLine: string, ...headers: string[]): Promise<Answer> =>
  await exchangeOn(socket, requestText(startLine, [auth, ...headers]))

describe('a plain http request', () => {
  it('reaches its target, and the next one on the same connection', async () => {
    const socket = await connectRaw(daemon.proxy)
    for (const path of ['', '/', '/a%20b?c=d&e']) {
      const answer = await send(socket, `GET http://${authority}${path}`, `Host: ${authority}`)
      assert.equal(answer.status, 200)
      assert.equal(requests.at(-1)?.url, path === '' ? '/' : path)
    }
    const head = await exchangeOn(
      socket,
      requestText(`HEAD http://${authority}/h`, [auth, 'Host: x']),
    )
    assert.equal(head.head.header('x-method'), 'HEAD')
    socket.destroy()
    const ended = await daemon.event('connect_ended', ({ method }) => method === 'HEAD')
    assert.deepEqual([ended.outcome, ended.status, ended.user], ['forwarded', 200, 'ada'])
  })

  it('carries bodies of either framing', async () => {
    const socket = await connectRaw(daemon.proxy)
    const sized = requestText(
      `POST http://${authority}/`,
      [auth, 'Host: x', 'Content-Length: 5'],
      'hello',
    )
    assert.equal((await exchangeOn(socket, sized)).text, 'hello')
    const chunked = requestText(
      `POST http://${authority}/`,
      [auth, 'Host: x', 'Transfer-Encoding: chunked'],
      '3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n',
    )
    assert.equal((await exchangeOn(socket, chunked)).text, 'hello')
    const large = Buffer.alloc(3 << 20, 'z')
    const upload = requestText(
      `PUT http://${authority}/`,
      [auth, 'Host: x', `Content-Length: ${large.length}`],
      large,
    )
    assert.ok((await exchangeOn(socket, upload)).body.equals(large))
    socket.destroy()
  })

  it('without a body announces none', async () => {
    const socket = await connectRaw(daemon.proxy)
    for (const method of ['POST', 'PURGE', 'DELETE']) {
      assert.equal((await send(socket, `${method} http://${authority}/`, 'Host: x')).status, 200)
      assert.equal(firstHeader(requests.at(-1)?.rawHeaders ?? [], 'transfer-encoding'), undefined)
    }
    socket.destroy()
  })

  it('counts the bytes that were sent, not those that were announced', async () => {
    const socket = await connectRaw(daemon.proxy)
    const length = 'Content-Length: 900000000000000'
    const startLine = `PATCH http://${authority}/early`
    socket.write(requestText(startLine, [auth, 'Host: x', length], 'few'))
    assert.equal((await readHead(socket)).status, 200)
    socket.end()
    const ended = await daemon.event('connect_ended', ({ method }) => method === 'PATCH')
    assert.equal(ended.bytesUp, 3)
    socket.destroy()
  })

  it('goes with the Host of its target and without what was for the proxy', async () => {
    const socket = await connectRaw(daemon.proxy)
    const answer = await send(
      socket,
      `GET http://${authority}/`,
      'Host: evil.example',
      'Proxy-Connection: keep-alive',
      'Connection: X-Mine, Host, Content-Length',
      'X-Mine: 1',
      'TE: trailers',
      'Upgrade: websocket',
      'Authorization: Bearer for-the-origin',
      'Cookie: a=b',
    )
    assert.equal(answer.head.header('x-hop'), undefined)
    const { rawHeaders = [] } = requests.at(-1) ?? {}
    assert.deepEqual(headerValues(rawHeaders, 'host'), [authority])
    for (const name of ['proxy-authorization', 'proxy-connection', 'x-mine', 'te', 'upgrade']) {
      assert.equal(firstHeader(rawHeaders, name), undefined, name)
    }
    assert.equal(firstHeader(rawHeaders, 'authorization'), 'Bearer for-the-origin')
    assert.equal(firstHeader(rawHeaders, 'cookie'), 'a=b')
    socket.destroy()
  })

  it('that breaks off looks broken', async () => {
    const socket = await connectRaw(daemon.proxy)
    socket.write(requestText(`GET http://${authority}/cut`, [auth, 'Host: x']))
    assert.doesNotMatch(String(await readToEnd(socket)), /0\r\n\r\n$/)
    socket.destroy()
  })

  it('of HTTP/1.0 that breaks off is reset: its end would say that it is complete', async () => {
    const socket = await connectRaw(daemon.proxy)
    socket.removeAllListeners('error')
    const failed = once(socket, 'error') as Promise<[NodeJS.ErrnoException]>
    socket.resume()
    socket.write(`GET http://${authority}/cut HTTP/1.0\r\n${auth}\r\n\r\n`)
    assert.equal((await failed)[0].code, 'ECONNRESET')
  })

  it('leaves no listeners on its connection', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error): void => void warnings.push(warning)
    process.on('warning', onWarning)
    const socket = await connectRaw(daemon.proxy)
    for (let i = 0; i < 60; i += 1) {
      assert.equal((await send(socket, `GET http://${authority}/`, 'Host: x')).status, 200)
    }
    socket.destroy()
    process.off('warning', onWarning)
    assert.deepEqual(warnings, [])
  })

  it('does not switch protocols', async () => {
    await using origin = await startTcpOrigin(
      answerRawly('HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nraw'),
    )
    await using own = await startTestDaemon({
      env: mayReach(origin.port),
    })
    const credentials = Buffer.from(own.credentials).toString('base64')
    const socket = await connectRaw(own.proxy)
    const answer = await exchangeOn(
      socket,
      requestText(`GET http://${origin.authority}/`, [
        `Proxy-Authorization: Basic ${credentials}`,
        'Host: x',
        'Connection: Upgrade',
        'Upgrade: websocket',
      ]),
    )
    assert.equal(answer.status, 502)
    socket.destroy()
  })

  it('to a dead origin is 502 with a body', async () => {
    const dead = createServer()
    const port = await listenOnLoopback(dead)
    dead.close()
    await using own = await startTestDaemon({
      env: mayReach(port),
    })
    const credentials = Buffer.from(own.credentials).toString('base64')
    const socket = await connectRaw(own.proxy)
    socket.write(
      requestText(`GET http://localhost:${port}/`, [`Proxy-Authorization: Basic ${credentials}`]),
    )
    const answer = await readAnswer(socket)
    assert.equal(answer.status, 502)
    assert.match(answer.text, /^connect_failed: /)
    socket.destroy()
  })
})

describe('a plain request that is refused', () => {
  const cases: readonly (readonly [
    what: string,
    startLine: () => string,
    headers: () => string[],
    status: number,
    reason: string,
  ])[] = [
    ['without credentials', () => `GET http://${authority}/`, () => [], 407, 'auth_missing'],
    [
      'with a wrong token',
      () => `GET http://${authority}/`,
      () => ['Proxy-Authorization: Basic YTpi'],
      407,
      'auth_invalid',
    ],
    ['in origin form', () => 'GET /', () => [auth], 400, 'origin_form'],
    ['for https', () => 'GET https://a.example/', () => [auth], 400, 'scheme_unsupported'],
    ['for ws', () => 'GET ws://a.example/', () => [auth], 400, 'scheme_unsupported'],
    ['for a private address', () => 'GET http://10.0.0.1/', () => [auth], 403, 'private'],
    ['for another port', () => 'GET http://a.example:25/', () => [auth], 403, 'port_denied'],
    [
      'for an intercepted host',
      () => 'GET http://api.openai.com/v1/models',
      () => [auth],
      403,
      'plain_http_denied',
    ],
    ['with user and password', () => 'GET http://a:b@a.example/', () => [auth], 400, 'userinfo'],
    ['with a fragment', () => `GET http://${authority}/#x`, () => [auth], 400, 'request_target'],
    ['as TRACE', () => `TRACE http://${authority}/`, () => [auth], 405, 'method_not_allowed'],
    [
      'with two Hosts',
      () => `GET http://${authority}/`,
      () => [auth, 'Host: b'],
      400,
      'host_conflict',
    ],
    [
      'with a coding before chunked',
      () => `POST http://${authority}/`,
      () => [auth, 'Transfer-Encoding: gzip, chunked'],
      400,
      'framing',
    ],
  ]
  for (const [what, startLine, headers, status, reason] of cases) {
    it(`${what} is ${status}, and its connection ends`, async () => {
      const seen = requests.length
      const socket = await connectRaw(daemon.proxy)
      const answer = await exchangeOn(socket, requestText(startLine(), ['Host: a', ...headers()]))
      assert.equal(answer.status, status)
      assert.equal(answer.head.header('x-aibridge-reason'), reason)
      assert.match(answer.text, new RegExp(`^${reason}: `))
      socket.end()
      await readToEnd(socket)
      assert.equal(requests.length, seen)
    })
  }

  const strangers: readonly (readonly [what: string, headers: readonly string[]])[] = [
    ['has no credentials', []],
    ['could be framed in two ways', ['Transfer-Encoding: gzip, chunked']],
  ]
  for (const [what, headers] of strangers) {
    it(`because it ${what} takes what was sent behind it along`, async () => {
      const seen = requests.length
      const socket = await connectRaw(daemon.proxy)
      const own = headers.length === 0 ? [] : [auth, ...headers]
      const line = `GET http://${authority}/`
      const body = headers.length === 0 ? '' : '0\r\n\r\n'
      const first = requestText(line, ['Host: x', ...own], body)
      socket.write(Buffer.concat([first, requestText(line, ['Host: x', auth])]))
      assert.equal(String(await readToEnd(socket)).match(/HTTP\/1\.1/g)?.length, 1)
      const refused = 'sent behind the last answer of its connection'
      const told = daemon.events.filter(({ type }) => type === 'connect_ended').at(-1)
      assert.equal(told?.type === 'connect_ended' && told.detail, refused)
      assert.equal(requests.length, seen)
      socket.destroy()
    })
  }

  for (const [what, last] of [
    ['another', ['OPTIONS *']],
    ['one that Node would answer by itself', ['GET /', 'Expect: x']],
  ] as const) {
    it(`cannot end the daemon with two behind it, and then ${what}`, async () => {
      const [line = '', ...headers] = last
      const chunked = ['Host: x', 'Transfer-Encoding: chunked']
      const socket = await connectRaw(daemon.proxy)
      socket.write(
        Buffer.concat([
          requestText('GET /', ['Host: x']),
          requestText('POST /', chunked, '2\r\n{}\r\n0\r\n\r\n'),
          requestText(line, ['Host: x', ...headers]),
          Buffer.from('\x01 garbage\r\n\r\n'),
        ]),
      )
      assert.equal(String(await readToEnd(socket)).match(/HTTP\/1\.1/g)?.length, 1)
      socket.destroy()
      const next = await connectRaw(daemon.proxy)
      assert.equal((await send(next, `GET http://${authority}/`, 'Host: x')).status, 200)
      next.destroy()
    })
  }

  it('in the middle of a large upload can be read by the client', async () => {
    for (let i = 0; i < 5; i += 1) {
      const socket = await connectRaw(daemon.proxy)
      const body = Buffer.alloc(8 << 20)
      const answer = await exchangeOn(
        socket,
        requestText(
          `POST http://${authority}/`,
          ['Host: x', `Content-Length: ${body.length}`],
          body,
        ),
      )
      assert.equal(answer.status, 407)
      socket.destroy()
    }
  })

  for (const target of ['10.0.0.1:443', 'api.openai.com:443']) {
    it(`cannot put the answer to CONNECT ${target} before its own`, async () => {
      const socket = await connectRaw(daemon.proxy)
      socket.write(
        Buffer.concat([
          requestText(`GET http://${authority}/first`, [auth, 'Host: x']),
          requestText(`CONNECT ${target}`, ['Host: x', auth]),
        ]),
      )
      assert.doesNotMatch(String(await readToEnd(socket)), /HTTP\/1\.1 (403|200 Connection)/)
      socket.destroy()
      const next = await connectRaw(daemon.proxy)
      assert.equal((await send(next, `GET http://${authority}/`, 'Host: x')).status, 200)
      next.destroy()
    })
  }

  it('is not written into an answer that is under way', { timeout: 10_000 }, async () => {
    const socket = await connectRaw(daemon.proxy)
    socket.write(requestText(`GET http://${authority}/half`, [auth, `Host: ${authority}`]))
    await readHead(socket)
    socket.write('\x01 garbage\r\n\r\n')
    assert.doesNotMatch(String(await readToEnd(socket)), /aibridge|HTTP/i)
    socket.destroy()
  })

  it('is one of too many at once', async () => {
    const socket = await connectRaw(daemon.proxy)
    const one = requestText(`GET http://${authority}/`, [auth, 'Host: x'])
    socket.write(Buffer.concat(Array.from({ length: 60 }, () => one)))
    const statuses = new Set<number>()
    for (let answer = await readAnswer(socket); ; answer = await readAnswer(socket)) {
      statuses.add(answer.status)
      if (answer.status !== 200) break
    }
    assert.deepEqual([...statuses], [200, 503])
    socket.destroy()
  })

  it('is never an intercepted host in disguise', async () => {
    const { port } = server.address() as AddressInfo
    await using own = await startTestDaemon({
      env: {
        ...mayReach(port),
        ...providersEnv({ type: 'openai', url: `https://localhost:${port}/v1` }),
      },
    })
    const credentials = `Proxy-Authorization: Basic ${Buffer.from(own.credentials).toString('base64')}`
    for (const url of [
      `http://LOCALHOST:${port}/`,
      'http://API.openai.com/',
      'http://api.openai.com:80/',
    ]) {
      const socket = await connectRaw(own.proxy)
      const answer = await exchangeOn(socket, requestText(`GET ${url}`, ['Host: x', credentials]))
      assert.equal(answer.head.header('x-aibridge-reason'), 'plain_http_denied', url)
      socket.destroy()
    }
  })
})
