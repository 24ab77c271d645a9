import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Socket } from 'node:net'
import { describe, it } from 'node:test'
import type { Caller } from '../../src/kernel/flow.ts'
import type { Limits } from '../../src/kernel/limits.ts'
import { Sessions } from '../../src/proxy/sessions.ts'

const CALLER: Caller = {
  identity: { user: 'u', tokenId: 't', admin: false },
  token: undefined,
  isValid: () => true,
}

const createSessions = (limits: Partial<Limits> = {}): Sessions =>
  new Sessions({
    limits: () => ({
      connections: 10,
      connectionsPerCaller: 1,
      tunnelsPerCaller: 10,
      ...limits,
    }),
    strangers: { arrive: () => {}, leave: () => {} },
    exhausted: () => false,
  })

describe('sessions', () => {
  it('count a caller until the connection closes', async () => {
    const sessions = createSessions()
    const client = new Socket()
    assert.equal(sessions.admit(client, CALLER), undefined)
    assert.equal(sessions.admit(new Socket(), CALLER), 'too_many_connections')
    client.destroy()
    await once(client, 'close')
    assert.equal(sessions.admit(new Socket(), CALLER), undefined)
  })

  it('do not count a client that left while its token was checked', async () => {
    const sessions = createSessions()
    const client = new Socket()
    sessions.enter(client)
    client.destroy()
    await once(client, 'close')
    sessions.admit(client, CALLER)
    assert.equal(sessions.admit(new Socket(), CALLER), undefined)
    assert.equal(sessions.size, 0)
  })

  it('go by the last caller of a connection that several share', async () => {
    const sessions = createSessions()
    const client = new Socket()
    const other: Caller = { ...CALLER, identity: { ...CALLER.identity, tokenId: 'other' } }
    sessions.admit(client, CALLER)
    assert.equal(sessions.admit(client, other), undefined)
    assert.equal(sessions.admit(new Socket(), other), 'too_many_connections')
    assert.equal(sessions.admit(new Socket(), CALLER), undefined)
    assert.equal(sessions.admit(client, CALLER), 'too_many_connections')
    client.destroy()
    await once(client, 'close')
    assert.equal(sessions.admit(new Socket(), other), undefined)
  })

  it('count tunnels of a caller apart from its connections', async () => {
    const sessions = createSessions({ tunnelsPerCaller: 1, connectionsPerCaller: 3 })
    const client = new Socket()
    sessions.admit(client, CALLER)
    assert.equal(sessions.beginTunnel(client, CALLER), undefined)
    assert.equal(sessions.beginTunnel(new Socket(), CALLER), 'too_many_tunnels')
    assert.equal(sessions.admit(new Socket(), CALLER), undefined)
    client.destroy()
    await once(client, 'close')
    assert.equal(sessions.beginTunnel(new Socket(), CALLER), undefined)
  })
})
