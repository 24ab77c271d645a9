import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { echo, startTcpOrigin } from '../support/origin.ts'
import { readToEnd } from '../support/raw-client.ts'
import { ANTHROPIC, openConnect, openIntercepted, startAiWorld } from './ai-world.ts'
import { createCaller } from './callers.ts'
import { exchangeOn, get } from './wire.ts'

const HOST = 'api.anthropic.com'
const TIMEOUT = { timeout: 15_000 }

describe('a revoked token', { concurrency: true }, () => {
  it('is refused on a connection that is open, which then ends', TIMEOUT, async () => {
    await using world = await startAiWorld()
    const caller = createCaller(world.daemon)
    const connect = { credentials: caller.credentials }
    const socket = await openIntercepted(world.daemon, { authority: ANTHROPIC, connect })
    assert.equal((await exchangeOn(socket, get('/v1/models', HOST))).status, 200)
    caller.revoke()
    let answer = await exchangeOn(socket, get('/v1/models', HOST))
    const revokedAt = performance.now()
    while (answer.status === 200 && performance.now() - revokedAt < 5000) {
      answer = await exchangeOn(socket, get('/v1/models', HOST))
    }
    assert.equal(answer.status, 401)
    assert.equal(answer.head.header('x-aibridge-reason'), 'token_revoked')
    assert.equal(JSON.parse(answer.text).error.type, 'authentication_error')
    await readToEnd(socket)
    socket.destroy()
  })

  it('ends its idle connections and tunnels within seconds', TIMEOUT, async () => {
    await using origin = await startTcpOrigin(echo)
    await using world = await startAiWorld({
      env: {
        CODER_AIBRIDGE_PROXY_ALLOWED_PORTS: `443,${origin.port}`,
        CODER_AIBRIDGE_PROXY_ALLOWED_PRIVATE_CIDRS: '127.0.0.0/8,::1/128',
      },
    })
    const caller = createCaller(world.daemon)
    const connect = { credentials: caller.credentials }
    const idle = await openIntercepted(world.daemon, { authority: ANTHROPIC, connect })
    const tunnel = await openConnect(world.daemon, origin.authority, connect)
    caller.revoke()
    await Promise.all([readToEnd(idle), readToEnd(tunnel)])
    idle.destroy()
    tunnel.destroy()
  })
})
