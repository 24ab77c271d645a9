import assert from 'node:assert/strict'
import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import { after, before, describe, it } from 'node:test'
import type { RequestHead } from '../../src/kernel/request-head.ts'
import { parseAuthority } from '../../src/kernel/target.ts'
import { type Interception, judgeRequest } from '../../src/mitm/call.ts'
import { listenOnLoopback } from '../support/listen.ts'
import { connectRaw } from '../support/raw-client.ts'

function session(authority: string, servername: string | undefined): Interception {
  const parsed = parseAuthority(authority)
  assert.ok(parsed.ok)
  return {
    connect: {
      id: 'c',
      peer: { address: '127.0.0.1', port: 1 },
      target: parsed.target,
      caller: {
        identity: { user: 'u', tokenId: 't', admin: false },
        token: undefined,
        isValid: () => true,
      },
    },
    verdict: { kind: 'intercept', provider: 'openai', host: 'api.openai.com' },
    servername,
  }
}

describe('judgeRequest', () => {
  const server = http.createServer({ requireHostHeader: false })
  let port = 0
  before(async () => {
    port = await listenOnLoopback(server)
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })

  /** What Node's own parser makes of the bytes. */
  async function parse(text: string): Promise<RequestHead> {
    const arrived = once(server, 'request') as Promise<[IncomingMessage]>
    const socket = await connectRaw({ host: '127.0.0.1', port })
    socket.write(text)
    const [message] = await arrived
    socket.destroy()
    const { httpVersion: version, method = '', url: path = '', rawHeaders: headers } = message
    return { version, method, path, headers }
  }

  const ours = session('api.openai.com:443', 'api.openai.com')
  const cases: [title: string, head: string, expected: string | undefined][] = [
    ['takes the host of CONNECT', 'GET /v1 HTTP/1.1\r\nHost: api.openai.com', undefined],
    ['takes it in any case', 'GET /v1 HTTP/1.1\r\nHost: API.OpenAI.com', undefined],
    ['takes it with the port', 'GET /v1 HTTP/1.1\r\nHost: api.openai.com:443', undefined],
    ['lets HTTP/1.0 go without Host', 'GET /v1 HTTP/1.0\r\nA: b', undefined],
    ['refuses another host', 'GET / HTTP/1.1\r\nHost: evil.example', 'target_mismatch'],
    ['refuses another port', 'GET / HTTP/1.1\r\nHost: api.openai.com:8443', 'target_mismatch'],
    ['refuses a second spelling', 'GET / HTTP/1.1\r\nHost: api.openai.com.', 'target_mismatch'],
    ['refuses two Hosts', 'GET / HTTP/1.1\r\nHost: api.openai.com\r\nHost: x.y', 'host_conflict'],
    ['refuses HTTP/1.1 without Host', 'GET / HTTP/1.1\r\nA: b', 'request_malformed'],
    ['refuses an empty Host', 'GET / HTTP/1.1\r\nHost:', 'target_mismatch'],
    ['refuses //', 'GET //evil/x HTTP/1.1\r\nHost: api.openai.com', 'request_target'],
    ['refuses /\\', 'GET /\\evil HTTP/1.1\r\nHost: api.openai.com', 'request_target'],
    [
      'refuses absolute-form',
      'GET https://evil/x HTTP/1.1\r\nHost: api.openai.com',
      'request_target',
    ],
    ['refuses *', 'OPTIONS * HTTP/1.1\r\nHost: api.openai.com', 'request_target'],
    ['refuses TRACE', 'TRACE / HTTP/1.1\r\nHost: api.openai.com', 'method_not_allowed'],
    [
      'refuses codings before chunked',
      'POST / HTTP/1.1\r\nHost: api.openai.com\r\nTransfer-Encoding: gzip, chunked',
      'framing',
    ],
  ]
  for (const [title, head, expected] of cases) {
    it(title, async () => {
      assert.equal(judgeRequest(await parse(`${head}\r\n\r\n`), ours), expected)
    })
  }

  const plain = 'GET / HTTP/1.1\r\nHost: api.openai.com\r\n\r\n'
  it('refuses a ClientHello that named another host', async () => {
    const other = session('api.openai.com:443', 'evil.example')
    assert.equal(judgeRequest(await parse(plain), other), 'target_mismatch')
  })

  it('serves a ClientHello that named no host', async () => {
    assert.equal(
      judgeRequest(await parse(plain), session('api.openai.com:443', undefined)),
      undefined,
    )
  })

  it('knows IPv6 hosts by value', async () => {
    const literal = session('[2001:4860:4860::8888]:443', undefined)
    const message = await parse('GET / HTTP/1.1\r\nHost: [2001:4860:4860:0:0:0:0:8888]\r\n\r\n')
    assert.equal(judgeRequest(message, literal), undefined)
  })
})
