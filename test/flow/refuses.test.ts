import assert from 'node:assert/strict'
import type { LookupAddress } from 'node:dns'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { mayReach, startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { echo, startTcpOrigin } from '../support/origin.ts'
import {
  connectRaw,
  connectThrough,
  type Head,
  readHead,
  readToEnd,
} from '../support/raw-client.ts'
import { ANTHROPIC, openIntercepted, startAiWorld } from './ai-world.ts'
import { exchangeOn, get } from './wire.ts'

interface Entry {
  readonly id: string
  readonly wire_b64: string
  readonly verdict: string
  readonly status: number
  readonly reason: string
  readonly why: string
  readonly config?: object
  readonly dns?: readonly { readonly A?: string[]; readonly AAAA?: string[] }[]
}

const corpus: { readonly entries: readonly Entry[] } = JSON.parse(
  readFileSync(new URL('../fixtures/ssrf-corpus.json', import.meta.url), 'utf8'),
)

const basic = (credentials: string): string =>
  `Proxy-Authorization: Basic ${Buffer.from(credentials).toString('base64')}`

interface Refused {
  readonly head: Head
  readonly body: string
}

/** Sends bytes and reads the refusal and the end that must follow it. */
async function refusal(daemon: TestDaemon, bytes: Buffer | string): Promise<Refused> {
  const socket = await connectRaw(daemon.proxy)
  socket.write(bytes)
  const head = await readHead(socket)
  const body = String(await readToEnd(socket))
  socket.destroy()
  return { head, body }
}

function answersOf(dns: Entry['dns']): LookupAddress[] {
  const first = dns?.[0]
  return [
    ...(first?.A ?? []).map(address => ({ address, family: 4 })),
    ...(first?.AAAA ?? []).map(address => ({ address, family: 6 })),
  ]
}

function assertWellFormed({ head, body }: Refused): void {
  assert.equal(head.header('connection'), 'close')
  assert.equal(head.header('content-length'), String(Buffer.byteLength(body)))
  assert.match(body, new RegExp(`^${head.header('x-aibridge-reason')}: .+\n$`))
}

describe('every forbidden or malformed CONNECT of the corpus', () => {
  let daemon: TestDaemon
  let answers: LookupAddress[] = []
  let lookups = 0
  before(async () => {
    daemon = await startTestDaemon({
      lookup: () => {
        lookups += 1
        return Promise.resolve(answers)
      },
    })
  })
  after(() => daemon[Symbol.asyncDispose]())

  const entries = corpus.entries.filter(
    ({ verdict, config }) => verdict !== 'allowed' && config === undefined,
  )
  it('is refused over the socket with its status and reason, and no lookup too many', async () => {
    assert.ok(entries.length > 150, `${entries.length}`)
    const wrong: string[] = []
    for (const { id, wire_b64, status, reason, dns } of entries) {
      answers = answersOf(dns)
      lookups = 0
      const bytes = Buffer.concat([
        Buffer.from('CONNECT '),
        Buffer.from(wire_b64, 'base64'),
        Buffer.from(` HTTP/1.1\r\n${basic(daemon.credentials)}\r\n\r\n`),
      ])
      const refused = await refusal(daemon, bytes)
      const got = refused.head.header('x-aibridge-reason') ?? ''
      assertWellFormed(refused)
      // Bytes that Node's own parser refuses have no finer reason.
      const fits = got === reason || (status === 400 && got === 'request_malformed')
      if (refused.head.status !== status || !fits)
        wrong.push(`${id}: ${refused.head.status} ${got}`)
      if (lookups > (dns === undefined ? 0 : 1)) wrong.push(`${id}: ${lookups} lookups`)
      assert.doesNotMatch(refused.body, /\d+\.\d+\.\d+\.\d+/)
    }
    assert.deepEqual(wrong, [])
  })
})

describe('a caller without a valid token', () => {
  let daemon: TestDaemon
  before(async () => {
    daemon = await startTestDaemon({
      lookup: () => Promise.reject(new Error('nothing may be looked up before authentication')),
    })
  })
  after(() => daemon[Symbol.asyncDispose]())

  const cases: readonly (readonly [what: string, headers: () => string[], reason: string])[] = [
    ['no credentials', () => [], 'auth_missing'],
    ['a wrong token', () => [basic('ada:wrong')], 'auth_invalid'],
    ['no password', () => [basic('ada')], 'auth_invalid'],
    ['another scheme', () => [`Proxy-Authorization: Digest ${daemon.token}`], 'auth_invalid'],
    ['no base64', () => ['Proxy-Authorization: Basic !!!'], 'auth_invalid'],
    [
      'two credentials, one of them right',
      () => [basic(daemon.credentials), basic('ada:wrong')],
      'auth_invalid',
    ],
    ['the token for the server', () => [`Authorization: Bearer ${daemon.token}`], 'auth_missing'],
  ]
  for (const [what, headers, reason] of cases) {
    it(`is challenged for ${what}`, async () => {
      const lines = [`CONNECT ${ANTHROPIC} HTTP/1.1`, `Host: ${ANTHROPIC}`, ...headers()]
      const refused = await refusal(daemon, `${lines.join('\r\n')}\r\n\r\n`)
      assert.equal(refused.head.status, 407)
      assert.equal(refused.head.header('x-aibridge-reason'), reason)
      assert.match(refused.head.header('proxy-authenticate') ?? '', /^Basic realm="[^"]+"/)
      assertWellFormed(refused)
    })
  }

  it('may try again on another connection', async () => {
    await refusal(daemon, `CONNECT ${ANTHROPIC} HTTP/1.1\r\nHost: a\r\n\r\n`)
    const { head, socket } = await connectThrough(daemon.proxy, ANTHROPIC, daemon)
    assert.equal(head.status, 200)
    socket.destroy()
  })

  it('has what follows a refused CONNECT thrown away', async () => {
    const second = `CONNECT ${ANTHROPIC} HTTP/1.1\r\n${basic(daemon.credentials)}\r\n\r\n`
    const { body } = await refusal(
      daemon,
      `CONNECT ${ANTHROPIC} HTTP/1.1\r\nHost: a\r\n\r\n${second}${second}`,
    )
    assert.doesNotMatch(body, /HTTP\/1\.1/)
  })
})

describe('a head', () => {
  it('that takes too long is 408, however it dawdles', async () => {
    await using daemon = await startTestDaemon({
      env: { CODER_AIBRIDGE_PROXY_HEAD_TIMEOUT: '300ms' },
    })
    for (const beginning of ['', 'CONNECT ', `CONNECT ${ANTHROPIC} HTTP/1.1\r\nX: y\r\n`]) {
      const socket = await connectRaw(daemon.proxy)
      socket.write(beginning)
      const drip = setInterval(() => beginning !== '' && socket.write('X'), 50)
      const head = await readHead(socket)
      clearInterval(drip)
      assert.equal(head.status, 408)
      assert.equal(head.header('x-aibridge-reason'), 'head_timeout')
      socket.destroy()
    }
  })

  for (const [what, bytes, status] of [
    ['SSH', 'SSH-2.0-x\r\n\r\n', 400],
    ['a ClientHello', '\x16\x03\x01\x00\xa5\x01\x00\x00', 400],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['a blank before the colon', 'CONNECT a.example:443 HTTP/1.1\r\nHost : a\r\n\r\n', 400],
    ['a folded header', 'CONNECT a.example:443 HTTP/1.1\r\nX: a\r\n b\r\n\r\n', 400],
    ['too much', `CONNECT a.example:443 HTTP/1.1\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`, 431],
  ] as const) {
    it(`of ${what} is ${status}`, async () => {
      await using daemon = await startTestDaemon()
      const refused = await refusal(daemon, Buffer.from(bytes, 'latin1'))
      assert.equal(refused.head.status, status)
      assertWellFormed(refused)
    })
  }
})

describe('the number of connections', () => {
  it('of one caller is limited, and freed when they close', async () => {
    await using world = await startAiWorld({
      env: { CODER_AIBRIDGE_PROXY_CONNECTIONS_PER_CALLER: '2' },
    })
    const first = await openIntercepted(world.daemon)
    const second = await openIntercepted(world.daemon)
    const third = await connectThrough(world.daemon.proxy, ANTHROPIC, world.daemon)
    assert.equal(third.head.status, 429)
    assert.equal(third.head.header('x-aibridge-reason'), 'too_many_connections')
    assert.equal(third.head.header('retry-after'), '1')
    assert.equal((await exchangeOn(second, get('/v1/models', 'api.anthropic.com'))).status, 200)
    first.destroy()
    await world.daemon.event('connect_ended', ({ outcome }) => outcome === 'mitm')
    const again = await openIntercepted(world.daemon)
    for (const socket of [second, third.socket, again]) socket.destroy()
  })

  it('of all callers is limited', async () => {
    await using daemon = await startTestDaemon({
      env: { CODER_AIBRIDGE_PROXY_CONNECTIONS: '1' },
    })
    const first = await connectThrough(daemon.proxy, ANTHROPIC, daemon)
    assert.equal(first.head.status, 200)
    const second = await connectThrough(daemon.proxy, ANTHROPIC, daemon)
    assert.equal(second.head.status, 503)
    assert.equal(second.head.header('x-aibridge-reason'), 'overloaded')
    assert.equal(second.head.header('retry-after'), '1')
    first.socket.destroy()
    second.socket.destroy()
  })
})

describe('connections that are aborted', () => {
  it('while a name is looked up are no error of ours', async () => {
    const asked = Promise.withResolvers<void>()
    await using daemon = await startTestDaemon({
      lookup: () => {
        asked.resolve()
        return new Promise(() => {})
      },
    })
    const socket = await connectRaw(daemon.proxy)
    socket.write(`GET http://slow.example/ HTTP/1.1\r\n${basic(daemon.credentials)}\r\n\r\n`)
    await asked.promise
    socket.destroy()
    const ended = await daemon.event('connect_ended')
    assert.deepEqual([ended.status, ended.reason], [499, undefined])
  })

  it('at any stage do not disturb the next one', async () => {
    await using origin = await startTcpOrigin(echo)
    await using world = await startAiWorld({
      env: {
        ...mayReach(origin.port),
        CODER_AIBRIDGE_PROXY_CONNECTIONS_PER_CALLER: '40',
      },
    })
    const { daemon } = world
    const heads = [ANTHROPIC, origin.authority].map(
      target => `CONNECT ${target} HTTP/1.1\r\nHost: x\r\n${basic(daemon.credentials)}\r\n\r\n`,
    )
    for (let i = 0; i < 100; i += 1) {
      const socket = await connectRaw(daemon.proxy)
      const text = heads[i % 2] ?? ''
      socket.write(text.slice(0, Math.ceil((text.length * (i % 10)) / 9)))
      if (i % 3 === 0) await new Promise(resolve => setImmediate(resolve))
      if (i % 4 < 2) socket.destroy()
      else socket.resetAndDestroy()
    }
    const socket = await openIntercepted(daemon)
    assert.equal((await exchangeOn(socket, get('/v1/models', 'api.anthropic.com'))).status, 200)
    socket.destroy()
  })
})
