import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type ConnectionOptions, connect, TLSSocket } from 'node:tls'
import type { Authority } from '../../src/ca/authority.ts'
import { LeafContexts, type LeafContextsOptions } from '../../src/ca/contexts.ts'
import { generateLeafKey } from '../../src/ca/leaf-key.ts'
import { Refusal } from '../../src/kernel/error.ts'
import type { Event } from '../../src/kernel/event.ts'
import { listenOnLoopback } from '../support/listen.ts'
import { DAY, fakeClock, HOSTS, makeAuthority, temporaryDirectory, WEEK } from './fixtures.ts'

const key = await generateLeafKey()
const [HOST = '', OTHER = ''] = HOSTS
const CALLER = 'token-1'

function contextsOf(authority: Authority, options: Partial<LeafContextsOptions> = {}) {
  const events: Event[] = []
  const clock = fakeClock()
  const contexts = new LeafContexts({
    authority,
    hosts: HOSTS,
    key,
    cacheSize: 100,
    lifetimeMs: WEEK,
    clock,
    emit: event => events.push(event),
    ...options,
  })
  const minted = (): string[] =>
    events.flatMap(event => (event.type === 'leaf_minted' ? [event.host] : []))
  return { contexts, clock, events, minted }
}

test('a hundred callers at once share one mint', async t => {
  for (const keyType of ['ec', 'rsa'] as const) {
    const authority = await makeAuthority(await temporaryDirectory(t), { keyType })
    const { contexts, minted } = contextsOf(authority)
    const all = await Promise.all(
      Array.from({ length: 100 }, async () => await contexts.get(HOST, CALLER)),
    )

    assert.equal(new Set(all).size, 1)
    assert.deepEqual(minted(), [HOST])
  }
})

test('a cached context is a hit and says so', async t => {
  const { contexts, events } = contextsOf(await makeAuthority(await temporaryDirectory(t)))
  assert.equal(await contexts.get(HOST, CALLER), await contexts.get(HOST, CALLER))
  assert.deepEqual(
    events.map(event => event.type),
    ['leaf_minted', 'leaf_cache_hit'],
  )
})

test('the cache never holds more than its size', async t => {
  const hosts = Array.from({ length: 20 }, (_, i) => `h${i}.example.com`)
  const authority = await makeAuthority(await temporaryDirectory(t), { hosts })
  const { contexts, minted } = contextsOf(authority, { hosts, cacheSize: 5 })

  for (const host of hosts) await contexts.get(host, CALLER)
  assert.equal(contexts.size, 5)
  await contexts.get('h19.example.com', CALLER)
  assert.equal(minted().length, 20)
  await contexts.get('h0.example.com', CALLER)
  assert.equal(minted().length, 21)
})

test('a leaf is renewed once less than a day of it is left', async t => {
  const { contexts, clock, minted } = contextsOf(await makeAuthority(await temporaryDirectory(t)))
  const first = await contexts.get(HOST, CALLER)
  clock.advance(5.9 * DAY)
  assert.equal(await contexts.get(HOST, CALLER), first)
  clock.advance(0.1 * DAY)
  const [second, third] = await Promise.all([
    contexts.get(HOST, CALLER),
    contexts.get(HOST, CALLER),
  ])
  assert.notEqual(second, first)
  assert.equal(second, third)
  assert.equal(minted().length, 2)
})

test('a leaf of the future is replaced when the clock was set back', async t => {
  const { contexts, clock, minted } = contextsOf(await makeAuthority(await temporaryDirectory(t)))
  await contexts.get(HOST, CALLER)
  clock.advance(-0.5 * DAY)
  await contexts.get(HOST, CALLER)
  assert.equal(minted().length, 2)
})

test('in the last days of the CA its leaf is not minted over and over', async t => {
  const authority = await makeAuthority(await temporaryDirectory(t), { lifetimeDays: 1 })
  const { contexts, clock, minted } = contextsOf(authority)
  for (let hour = 0; hour < 23; hour++) {
    await contexts.get(HOST, CALLER)
    clock.advance(DAY / 24)
  }
  assert.equal(minted().length, 1)
})

test('outside the dates of the CA every host is refused, cached or not', async t => {
  const { contexts, clock } = contextsOf(await makeAuthority(await temporaryDirectory(t)))
  await contexts.get(HOST, CALLER)
  const expired = (error: unknown): boolean =>
    error instanceof Refusal && error.reason === 'ca_expired'

  clock.advance(365 * DAY + 1000)
  await assert.rejects(contexts.get(HOST, CALLER), expired)
  await assert.rejects(contexts.get(OTHER, CALLER), expired)
  clock.advance(-368 * DAY)
  await assert.rejects(contexts.get(HOST, CALLER), expired)
})

test('a host that is not intercepted gets nothing, even if the CA permits it', async t => {
  const authority = await makeAuthority(await temporaryDirectory(t), { unconstrained: true })
  const { contexts, events } = contextsOf(authority)
  await assert.rejects(contexts.get('example.com', CALLER), RangeError)
  await assert.rejects(contexts.get('sub.api.openai.com', CALLER), RangeError)
  await assert.rejects(contexts.get('__proto__', CALLER), RangeError)
  assert.deepEqual(events, [])
})

/** Terminates TLS as the daemon does: a TLSSocket on an accepted socket. */
async function terminate(t: TestContext, contexts: LeafContexts) {
  let place: Parameters<LeafContexts['get']> = [HOST, CALLER]
  const server: Server = createServer(socket => {
    socket.on('error', () => {})
    void contexts.get(...place).then(secureContext => {
      const secure = new TLSSocket(socket, { isServer: true, secureContext })
      secure.on('error', () => {})
      secure.on('secure', () => secure.end('hello'))
    })
  })
  const port = await listenOnLoopback(server)
  t.after(() => server.close())
  return { port, serve: (...next: typeof place) => (place = next) }
}

async function handshake(port: number, options: ConnectionOptions) {
  const socket = connect({ host: '127.0.0.1', port, ...options })
  let session: Buffer | undefined
  socket.on('session', (ticket: Buffer) => (session = ticket))
  await once(socket, 'secureConnect')
  socket.resume()
  const facts = {
    reused: socket.isSessionReused(),
    protocol: socket.getProtocol(),
    cipher: socket.getCipher().name,
    subject: socket.getPeerX509Certificate()?.subject,
  }
  await once(socket, 'close')
  return { ...facts, session }
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a ${version} session is resumed by its own caller at its own host, and by or at no other`, async t => {
    const authority = await makeAuthority(await temporaryDirectory(t))
    const { contexts } = contextsOf(authority)
    const { port, serve } = await terminate(t, contexts)
    const common = { ca: authority.certificatePem, minVersion: version, maxVersion: version }

    const first = await handshake(port, { ...common, servername: HOST })
    const session = first.session ?? assert.fail('no session ticket')
    assert.equal(first.reused, false)
    assert.equal(first.protocol, version)
    const again = await handshake(port, { ...common, servername: HOST, session })
    assert.equal(again.reused, true)

    serve(HOST, 'token-2')
    const another = await handshake(port, { ...common, servername: HOST, session })
    assert.equal(another.reused, false)

    serve(OTHER, CALLER)
    // The name of the old host: OpenSSL itself refuses to resume under another.
    const checkServerIdentity = (): undefined => undefined
    const elsewhere = await handshake(port, {
      ...common,
      servername: HOST,
      session,
      checkServerIdentity,
    })
    assert.equal(elsewhere.reused, false)
    assert.equal(elsewhere.subject, `CN=${OTHER}`)
  })
}

test('old protocols and suites without authenticated encryption are refused', async t => {
  const authority = await makeAuthority(await temporaryDirectory(t))
  const { port } = await terminate(t, contextsOf(authority).contexts)
  const common = { ca: authority.certificatePem, servername: HOST }

  await assert.rejects(
    handshake(port, {
      ...common,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'ALL@SECLEVEL=0',
    }),
  )
  await assert.rejects(
    handshake(port, {
      ...common,
      maxVersion: 'TLSv1.2',
      ciphers: 'ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384',
    }),
  )
  const modern = await handshake(port, {
    ...common,
    maxVersion: 'TLSv1.2',
    ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256',
  })
  assert.equal(modern.cipher, 'ECDHE-ECDSA-AES128-GCM-SHA256')
})
