import assert from 'node:assert/strict'
import { once } from 'node:events'
import { constants, createSecureServer, type ServerHttp2Stream } from 'node:http2'
import { after, before, describe, it } from 'node:test'
import {
  type ClientDuplexStream,
  credentials,
  Metadata,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceError,
  status,
} from '@grpc/grpc-js'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { listenOnLoopback } from '../support/listen.ts'
import { startHttpOrigin } from '../support/origin.ts'
import { testPki } from '../support/pki.ts'
import { ANTHROPIC_KEY, providersEnv, startAiDaemon } from './ai-world.ts'
import { askHttp2, openHttp2, readHttp2, send } from './http2-world.ts'

const asIs = (bytes: Buffer): Buffer => bytes
const method = (path: string, streams: boolean) => ({
  path: `/llm.Model/${path}`,
  requestStream: streams,
  responseStream: streams,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
})
const SERVICE = {
  ask: method('Ask', false),
  chat: method('Chat', true),
  fail: method('Fail', false),
}
const Client = makeGenericClientConstructor(SERVICE, 'Model')

/** A model behind gRPC that echoes; `seen` are the metadata of its calls. */
async function startModel(): Promise<{ server: Server; port: number; seen: Metadata[] }> {
  const seen: Metadata[] = []
  const server = new Server({ 'grpc.max_receive_message_length': -1 })
  server.addService(SERVICE, {
    ask: (
      call: { request: Buffer; metadata: Metadata },
      done: (e: null, b: Buffer, t: Metadata) => void,
    ) => {
      seen.push(call.metadata)
      const trailer = new Metadata()
      trailer.set('x-cost', '7')
      done(null, call.request, trailer)
    },
    chat: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (message: Buffer) => call.write(message))
      call.on('end', () => call.end())
    },
    fail: (_call: unknown, done: (error: Partial<ServiceError>) => void) => {
      done({ code: status.RESOURCE_EXHAUSTED, details: 'no more' })
    },
  })
  const { certPem, keyPem } = testPki().issue(['localhost', '127.0.0.1'])
  const pair = { private_key: Buffer.from(keyPem), cert_chain: Buffer.from(certPem) }
  const creds = ServerCredentials.createSsl(null, [pair], false)
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', creds, (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
  return { server, port, seen }
}

describe('gRPC', { timeout: 20_000 }, () => {
  let model: Awaited<ReturnType<typeof startModel>>
  let daemon: TestDaemon
  before(async () => {
    model = await startModel()
    daemon = await startTestDaemon({
      env: {
        ...providersEnv({
          type: 'anthropic',
          key: ANTHROPIC_KEY,
          url: `https://localhost:${model.port}`,
        }),
        CODER_AIBRIDGE_PROXY_ALLOWED_PORTS: `443,${model.port}`,
        CODER_AIBRIDGE_PROXY_ALLOWED_PRIVATE_CIDRS: '127.0.0.0/8,::1/128',
      },
    })
  })
  after(async () => {
    delete process.env['grpc_proxy']
    await daemon[Symbol.asyncDispose]()
    model.server.forceShutdown()
  })

  /** grpc-js takes its proxy from the environment, as agents would set it. */
  function openClient(target: string, caPem: string) {
    const { host, port } = daemon.proxy
    process.env['grpc_proxy'] = `http://${daemon.credentials}@${host}:${port}`
    return new Client(target, credentials.createSsl(Buffer.from(caPem)), {
      // It would send an address as SNI.
      ...(target.startsWith('127.') ? { 'grpc.ssl_target_name_override': 'localhost' } : {}),
      'grpc.max_receive_message_length': -1,
    })
  }

  function ask(client: InstanceType<typeof Client>, name: string, message: Buffer) {
    return new Promise<{ answer: Buffer; trailer: Metadata }>((resolve, reject) => {
      let trailer = new Metadata()
      const metadata = new Metadata()
      metadata.set('authorization', 'Bearer own-key')
      const call = client[name]?.(
        message,
        metadata,
        (error: ServiceError | null, answer: Buffer) =>
          error === null ? setImmediate(() => resolve({ answer, trailer })) : reject(error),
      )
      call.on('status', (end: { metadata: Metadata }) => {
        trailer = end.metadata
      })
    })
  }

  for (const [way, target, ca] of [
    ['through interception', (): string => 'api.anthropic.com:443', (): string => daemon.caPem],
    [
      'through a raw tunnel',
      (): string => `127.0.0.1:${model.port}`,
      (): string => testPki().certPem,
    ],
  ] as const) {
    describe(way, () => {
      let client: InstanceType<typeof Client>
      before(() => {
        client = openClient(target(), ca())
      })
      after(() => client.close())

      it('carries calls, metadata and megabytes', async () => {
        const message = Buffer.alloc(3 << 20, 'x')
        const { answer, trailer } = await ask(client, 'ask', message)
        assert.ok(answer.equals(message))
        assert.deepEqual(trailer.get('x-cost'), ['7'])
        assert.deepEqual(model.seen.at(-1)?.get('authorization'), ['Bearer own-key'])
      })

      it('tells of errors as the model does', async () => {
        await assert.rejects(ask(client, 'fail', Buffer.from('x')), {
          code: status.RESOURCE_EXHAUSTED,
          details: 'no more',
        })
      })

      it('lets both sides talk at the same time', async () => {
        const chat = client['chat']?.() as ClientDuplexStream<Buffer, Buffer>
        for (const text of ['one', 'two', 'three']) {
          chat.write(Buffer.from(text))
          assert.equal(String((await once(chat, 'data'))[0]), text)
        }
        chat.end()
        chat.resume()
        const [end] = (await once(chat, 'status')) as [{ code: number }]
        assert.equal(end.code, status.OK)
      })
    })
  }
})

const CALL = { ':path': '/llm.Model/Ask', 'content-type': 'application/grpc+proto', te: 'trailers' }
const HEAD = { ':status': 200, 'content-type': 'application/grpc+proto' }

describe('a gRPC provider', { timeout: 20_000 }, () => {
  let answer: (stream: ServerHttp2Stream) => void = () => {}
  let sessions = 0
  const server = createSecureServer({
    cert: testPki().issue(['localhost']).certPem,
    key: testPki().issue(['localhost']).keyPem,
  })
  let daemon: TestDaemon
  before(async () => {
    server.on('session', () => {
      sessions += 1
    })
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('error', () => {})
      answer(stream)
    })
    daemon = await startAiDaemon(`https://localhost:${await listenOnLoopback(server)}`)
  })
  after(async () => {
    await daemon[Symbol.asyncDispose]()
    server.close()
  })

  async function call() {
    const session = await openHttp2(daemon)
    const got = await askHttp2(session, CALL, Buffer.alloc(5))
    session.close()
    return got
  }

  it('may answer with a head alone, and it stays one', async () => {
    answer = stream => stream.respond({ ...HEAD, 'grpc-status': '5' }, { endStream: true })
    const got = await call()
    assert.deepEqual([got.headers['grpc-status'], got.body.length, got.code], ['5', 0, 0])
  })

  it('looks broken to the client when it ends without trailers', async () => {
    for (const code of [constants.NGHTTP2_NO_ERROR, constants.NGHTTP2_INTERNAL_ERROR]) {
      answer = stream => {
        stream.respond(HEAD)
        stream.write('half', () => stream.close(code))
      }
      assert.equal((await call()).code, constants.NGHTTP2_INTERNAL_ERROR)
    }
  })

  it('cannot flood the client with informational answers', async () => {
    answer = stream => {
      for (let i = 0; i < 100; i += 1) stream.additionalHeaders({ ':status': 103, link: '</a>' })
      stream.respond({ ...HEAD, 'grpc-status': '0' }, { endStream: true })
    }
    const session = await openHttp2(daemon)
    const stream = send(session, CALL, Buffer.alloc(5))
    let hints = 0
    stream.on('headers', () => {
      hints += 1
    })
    const got = await readHttp2(stream)
    assert.deepEqual([got.status, hints <= 32], [502, true])
    session.close()
  })

  it('keeps one connection for many calls, and gets another after GOAWAY', async () => {
    let leave = false
    answer = stream => {
      stream.respond(HEAD, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      if (leave) stream.session?.goaway()
      stream.end('ok')
    }
    const earlier = sessions
    await Promise.all(Array.from({ length: 20 }, () => call()))
    assert.ok(sessions - earlier <= 1)
    leave = true
    assert.equal((await call()).text, 'ok')
    leave = false
    const known = sessions
    assert.equal((await call()).text, 'ok')
    assert.equal(sessions, known + 1)
  })

  it('hears within a second that the client gave up', async () => {
    const asked = Promise.withResolvers<ServerHttp2Stream>()
    answer = stream => {
      stream.resume()
      asked.resolve(stream)
    }
    const session = await openHttp2(daemon)
    const stream = send(session, CALL, Buffer.alloc(5))
    const there = await asked.promise
    const closed = once(there, 'close')
    const at = performance.now()
    stream.close(constants.NGHTTP2_CANCEL)
    await closed
    assert.ok(performance.now() - at < 1000)
    assert.equal(there.rstCode, constants.NGHTTP2_CANCEL)
    session.close()
  })

  it('is a 502 when it does not speak HTTP/2', async () => {
    await using origin = await startHttpOrigin({ protocol: 'https' })
    await using other = await startAiDaemon(origin.url)
    const session = await openHttp2(other)
    const got = await askHttp2(session, CALL, Buffer.alloc(5))
    assert.deepEqual([got.status, got.headers['x-aibridge-reason']], [502, 'provider_unreachable'])
    session.close()
  })
})
