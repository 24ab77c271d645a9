import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openIntercepted, startAiWorld } from './ai-world.ts'
import { exchangeOn, get, post } from './wire.ts'

const HOST = 'api.anthropic.com'

describe('max_concurrency', () => {
  it('answers the call too many with 503 and when to come again, and counts ends of all kinds', async () => {
    await using world = await startAiWorld({
      env: { CODER_AIBRIDGE_MAX_CONCURRENCY: '1' },
      provider: { behaviour: (_, index) => (index === 0 ? { stallAfter: 1 } : undefined) },
    })
    const { daemon, provider } = world
    const held = await openIntercepted(daemon)
    held.write(post('/v1/messages', HOST, '{"stream":true}'))
    await provider.nextExchange()

    const socket = await openIntercepted(daemon)
    const refused = await exchangeOn(socket, get('/v1/models', HOST))
    assert.equal(refused.status, 503)
    assert.equal(refused.head.header('x-aibridge-reason'), 'too_many_calls')
    assert.equal(refused.head.header('retry-after'), '1')
    assert.equal(
      refused.head.header('ratelimit-policy'),
      '"concurrency";q=1;qu="concurrent-requests"',
    )
    assert.match(refused.text, /"overloaded_error"/)
    assert.equal(provider.exchanges.length, 1)

    held.destroy()
    await daemon.event('call_ended', ({ outcome }) => outcome === 'aborted')
    for (let call = 0; call < 3; call += 1) {
      assert.equal((await exchangeOn(socket, get('/v1/models', HOST))).status, 200)
    }
    socket.destroy()
  })
})
