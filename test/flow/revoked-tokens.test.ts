import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { echo, startHttpOrigin, startTcpOrigin } from '../support/origin.ts'
import { connectRaw, connectThrough, readHead, readToEnd } from '../support/raw-client.ts'
import { ANTHROPIC, OPENAI, openConnect, openIntercepted, startAiWorld } from './ai-world.ts'
import { createCaller } from './callers.ts'
import { exchangeOn, get, post, readAnswer, requestText } from './wire.ts'

const HOST = 'api.anthropic.com'
const TIMEOUT = { timeout: 15_000 }

describe('a revoked token (D05)', { concurrency: true }, () => {
  it('is refused on a connection that is open, which then ends', TIMEOUT, async () => {
    await using world = await startAiWorld()
    const caller = createCaller(world.daemon)
    const connect = { credentials: caller.credentials }
    const socket = await openIntercepted(world.daemon, { authority: ANTHROPIC, connect })
    assert.equal((await exchangeOn(socket, get('/v1/models', HOST))).status, 200)
    caller.revoke()
    const revokedAt = performance.now()
    let answer = await exchangeOn(socket, get('/v1/models', HOST))
    while (answer.status === 200) answer = await exchangeOn(socket, get('/v1/models', HOST))
    // One second, as the store's own test has it, and the tests beside this one.
    assert.ok(performance.now() - revokedAt < 2000)
    assert.equal(answer.status, 401)
    assert.equal(answer.head.header('x-aibridge-reason'), 'token_revoked')
    assert.equal(JSON.parse(answer.text).error.type, 'authentication_error')
    await readToEnd(socket)
    socket.destroy()
    const again = await connectThrough(world.daemon.proxy, ANTHROPIC, connect)
    assert.equal(again.head.status, 407)
    again.socket.destroy()
  })

  it('loses its streams, idle connections and tunnels within five seconds', TIMEOUT, async () => {
    await using origin = await startTcpOrigin(echo)
    await using web = await startHttpOrigin({ protocol: 'http' })
    await using world = await startAiWorld({
      env: {
        CODER_AIBRIDGE_PROXY_ALLOWED_PORTS: `443,${origin.port},${web.port}`,
        CODER_AIBRIDGE_PROXY_ALLOWED_PRIVATE_CIDRS: '127.0.0.0/8,::1/128',
      },
    })
    const caller = createCaller(world.daemon)
    const connect = { credentials: caller.credentials }
    const idle = await openIntercepted(world.daemon, { authority: ANTHROPIC, connect })
    const tunnel = await openConnect(world.daemon, origin.authority, connect)
    world.provider.script(() => ({ stallAfter: 1 }))
    const stream = await openIntercepted(world.daemon, { authority: ANTHROPIC, connect })
    stream.write(post('/v1/messages', HOST, JSON.stringify({ stream: true })))
    await readHead(stream)
    const webSocket = await openIntercepted(world.daemon, { authority: OPENAI, connect })
    webSocket.write(
      get('/v1/responses', 'api.openai.com', [
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ]),
    )
    assert.equal((await readHead(webSocket)).status, 101)
    // Behind another caller's request on a connection that both use.
    const shared = await connectRaw(world.daemon.proxy)
    const basic = (credentials: string): string =>
      `Proxy-Authorization: Basic ${Buffer.from(credentials).toString('base64')}`
    shared.write(requestText(`GET ${web.url}/`, ['Host: x', basic(world.daemon.credentials)]))
    assert.equal((await readAnswer(shared)).status, 200)
    shared.write(requestText(`CONNECT ${origin.authority}`, [basic(caller.credentials)]))
    assert.equal((await readHead(shared)).status, 200)
    caller.revoke()
    const revokedAt = performance.now()
    const open = [idle, tunnel, stream, webSocket, shared]
    await Promise.all(open.map(async socket => await readToEnd(socket)))
    assert.ok(performance.now() - revokedAt < 5000)
    for (const socket of open) socket.destroy()
    const { detail } = await world.daemon.event(
      'connect_ended',
      ({ outcome }) => outcome === 'tunneled',
    )
    assert.equal(detail, 'tunnel stopped: the token was revoked or has expired')
    for (const kind of ['bridged', 'websocket']) {
      const { outcome, reason } = await world.daemon.event('call_ended', end => end.kind === kind)
      assert.deepEqual([outcome, reason], ['aborted', 'token_revoked'])
    }
  })
})
