import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Socket } from 'node:net'
import { describe, it } from 'node:test'
import type { Caller } from '../../src/kernel/flow.ts'
import { Sessions } from '../../src/proxy/sessions.ts'

const CALLER: Caller = {
  identity: { user: 'u', tokenId: 't', admin: false },
  token: undefined,
  isValid: () => true,
}

describe('sessions', () => {
  it('count a caller until the connection closes', async () => {
    const sessions = new Sessions(() => ({ connections: 10, connectionsPerCaller: 1 }))
    const client = new Socket()
    assert.equal(sessions.admit(client, CALLER), undefined)
    assert.equal(sessions.admit(new Socket(), CALLER), 'too_many_connections')
    client.destroy()
    await once(client, 'close')
    assert.equal(sessions.admit(new Socket(), CALLER), undefined)
  })

  it('do not count a client that left while its token was checked', async () => {
    const sessions = new Sessions(() => ({ connections: 10, connectionsPerCaller: 1 }))
    const client = new Socket()
    sessions.enter(client)
    client.destroy()
    await once(client, 'close')
    sessions.admit(client, CALLER)
    assert.equal(sessions.admit(new Socket(), CALLER), undefined)
    assert.equal(sessions.size, 0)
  })
})
