import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { headerValues } from '../../src/kernel/headers.ts'
import { userId } from '../../src/kernel/user.ts'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { type Provider, startProvider } from '../support/provider.ts'
import type { Exchange } from '../support/provider-exchange.ts'
import { openIntercepted, providersEnv } from './ai-world.ts'
import { createCaller } from './callers.ts'
import { exchangeOn, get, post } from './wire.ts'

const HOST = 'api.anthropic.com'
const STRANGE = 'Zoë\r\nX-Evil: 1'

describe('the headers that say who is calling', () => {
  let provider: Provider
  let daemon: TestDaemon
  let env: Record<string, string>
  before(async () => {
    provider = await startProvider()
    env = {
      ...providersEnv({ type: 'anthropic', key: 'sk-ant-central-0123456789', url: provider.url }),
      CODER_AIBRIDGE_SEND_ACTOR_HEADERS: 'true',
    }
    daemon = await startTestDaemon({ env })
  })
  after(async () => {
    await daemon[Symbol.asyncDispose]()
    await provider[Symbol.asyncDispose]()
  })

  async function ask(request: Buffer, credentials = daemon.credentials): Promise<Exchange> {
    const arriving = provider.nextExchange()
    const socket = await openIntercepted(daemon, { connect: { credentials } })
    await exchangeOn(socket, request)
    socket.destroy()
    return await arriving
  }

  const valuesOf = ({ rawHeaders }: Exchange, ...names: readonly string[]): string[][] =>
    names.map(name => headerValues(rawHeaders, name))

  const DEFAULTS = ['x-ai-bridge-actor-id', 'x-ai-bridge-actor-metadata-username'] as const
  const forged = ['X-AI-Bridge-Actor-ID: root', 'x-ai-bridge-actor-metadata-username: root']

  it('name the caller, whatever the client says', async () => {
    const exchange = await ask(post('/v1/messages', HOST, '{}', forged))
    assert.deepEqual(valuesOf(exchange, ...DEFAULTS), [[userId('ada')], ['ada']])
  })

  it('are on bridged calls only, and the client’s on none', async () => {
    for (const path of ['/v1/models', '/v1/files']) {
      const exchange = await ask(get(path, HOST, forged))
      assert.deepEqual(valuesOf(exchange, ...DEFAULTS), [[], []])
    }
  })

  it('hold a name that is no text for a header in escaped form', async () => {
    // The token alone decides who it is.
    const { token } = createCaller(daemon, STRANGE)
    const exchange = await ask(post('/v1/messages', HOST, '{}'), `x:${token}`)
    assert.deepEqual(valuesOf(exchange, DEFAULTS[1], 'x-evil'), [[encodeURIComponent(STRANGE)], []])
  })

  it('have the names that the operator chose, which clients cannot send even when they are off', async () => {
    const named = {
      ...env,
      CODER_AIBRIDGE_ACTOR_HEADER_ID: 'X-Who',
      CODER_AIBRIDGE_ACTOR_HEADER_USERNAME: 'X-Who-Name',
    }
    const request = post('/v1/messages', HOST, '{}', ['x-who: root', 'X-WHO-NAME: root'])
    await daemon.reload(named)
    assert.deepEqual(valuesOf(await ask(request), 'x-who', 'x-who-name', DEFAULTS[0]), [
      [userId('ada')],
      ['ada'],
      [],
    ])
    await daemon.reload({ ...named, CODER_AIBRIDGE_SEND_ACTOR_HEADERS: 'false' })
    assert.deepEqual(valuesOf(await ask(request), 'x-who', 'x-who-name'), [[], []])
  })

  it('must differ, and take no header that means something else', async () => {
    for (const wrong of [
      { CODER_AIBRIDGE_ACTOR_HEADER_ID: 'X-Same', CODER_AIBRIDGE_ACTOR_HEADER_USERNAME: 'x-same' },
      { CODER_AIBRIDGE_ACTOR_HEADER_ID: 'x-goog-api-key' },
      { CODER_AIBRIDGE_ACTOR_HEADER_ID: 'Anthropic-Version' },
    ]) {
      await assert.rejects(async () => daemon.reload({ ...env, ...wrong }), /ACTOR_HEADER_ID/)
    }
  })
})
