import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { type AiWorld, openIntercepted, startAiWorld } from './ai-world.ts'
import { createCaller, type TestCaller } from './callers.ts'
import { openHttp2 } from './http2-world.ts'
import { type Answer, exchangeOn, post, readAnswer, requestText } from './wire.ts'

const HOST = 'api.anthropic.com'
const KIB = 1024
/** Whoever is alone may hold a half of it. */
const HELD_KIB = 2048

const POLICY = `
rules: [{user: '*', models: ['m*']}]
budgets: [{user: poor, usd: 0}]
`

describe('bodies that are held', () => {
  let world: AiWorld
  let ada: TestCaller
  let bob: TestCaller
  const directory = mkdtempSync(join(tmpdir(), 'aibridge-held-'))
  before(async () => {
    const file = join(directory, 'policy.yaml')
    writeFileSync(file, POLICY)
    world = await startAiWorld({
      env: {
        CODER_AIBRIDGE_POLICY_FILE: file,
        CODER_AIBRIDGE_PROXY_HELD_BYTES: `${HELD_KIB}KiB`,
        CODER_AIBRIDGE_PROXY_BODY_IDLE_TIMEOUT: '1500ms',
      },
    })
    ada = createCaller(world.daemon, 'ada')
    bob = createCaller(world.daemon, 'bob')
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
    rmSync(directory, { recursive: true })
  })

  const openAs = async ({ credentials }: TestCaller): Promise<TLSSocket> =>
    await openIntercepted(world.daemon, { connect: { credentials } })

  /** A request whose body stops before its end. */
  async function uploadHalf(caller: TestCaller, kib: number): Promise<TLSSocket> {
    const socket = await openAs(caller)
    const head = [`Host: ${HOST}`, `Content-Length: ${kib * KIB + KIB}`]
    socket.write(requestText('POST /v1/messages', head, bodyOf(kib)))
    return socket
  }

  /** The same over HTTP/2, where a PING is answered when what came before it has been read. */
  async function streamHalf(session: ClientHttp2Session, kib: number): Promise<ClientHttp2Stream> {
    const stream = session.request({ ':method': 'POST', ':path': '/v1/messages' })
    stream.on('error', () => {})
    await new Promise(resolve => stream.write(bodyOf(kib), resolve))
    await new Promise(resolve => session.ping(resolve))
    return stream
  }

  async function call(caller: TestCaller, kib: number): Promise<Answer> {
    const socket = await openAs(caller)
    const answer = await exchangeOn(socket, post('/v1/messages', HOST, bodyOf(kib)))
    socket.destroy()
    return answer
  }

  it('of one caller leave room for others, and their memory comes back when they stall', async () => {
    const session = await openHttp2(world.daemon, { connect: ada })
    const stalled = await streamHalf(session, 900)
    const answered = once(stalled, 'response')
    const refused = await call(ada, 200)
    assert.equal(refused.status, 429)
    assert.equal(refused.head.header('x-aibridge-reason'), 'too_many_uploads')
    assert.equal(refused.head.header('retry-after'), '1')
    assert.match(refused.text, /"rate_limit_error"/)
    assert.equal((await call(bob, 500)).status, 200)

    const [headers] = (await answered) as [IncomingHttpHeaders & { ':status': number }]
    assert.equal(headers[':status'], 408)
    assert.equal(headers['x-aibridge-reason'], 'body_timeout')
    assert.equal((await call(ada, 900)).status, 200)
    session.destroy()
  })

  it('give their memory back at once when they are broken off', async () => {
    const isGone = world.daemon.event('call_ended', ({ outcome }) => outcome === 'aborted')
    const socket = await uploadHalf(ada, 900)
    assert.equal((await call(bob, 1)).status, 200)
    socket.destroy()
    assert.equal((await isGone).user, 'ada')
    assert.equal((await call(ada, 900)).status, 200)
  })

  it('give it back when a stream of HTTP/2 is reset', async () => {
    const session = await openHttp2(world.daemon, { connect: ada })
    const isGone = world.daemon.event(
      'call_ended',
      ({ outcome, protocol }) => outcome === 'aborted' && protocol === 'h2',
    )
    const stream = await streamHalf(session, 900)
    stream.close(constants.NGHTTP2_CANCEL)
    await isGone
    assert.equal((await call(ada, 900)).status, 200)
    session.destroy()
  })

  it('are not asked for when the call is refused all the same', async () => {
    const poor = createCaller(world.daemon, 'poor')
    const socket = await uploadHalf(poor, 1)
    const refused = await readAnswer(socket)
    assert.equal(refused.head.header('x-aibridge-reason'), 'budget_exhausted')
    socket.destroy()
  })
})

/** A body of so many KiB that names a model. */
function bodyOf(kib: number): string {
  const body = '{"model":"m","messages":[]}'
  return body + ' '.repeat(kib * KIB - body.length)
}
