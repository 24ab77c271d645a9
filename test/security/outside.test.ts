import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { ANTHROPIC } from '../flow/ai-world.ts'
import { createCaller } from '../flow/callers.ts'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { listenOnLoopback } from '../support/listen.ts'
import { connectRaw, connectThrough, readHead, readToEnd } from '../support/raw-client.ts'

describe('what comes to the proxy port', { timeout: 60_000 }, () => {
  let daemon: TestDaemon
  let lookups: string[] = []
  before(async () => {
    daemon = await startTestDaemon({
      lookup: name => {
        lookups.push(name)
        return Promise.resolve([{ address: '127.0.0.1', family: 4 }])
      },
    })
  })
  after(() => daemon[Symbol.asyncDispose]())

  it('D01 is challenged without credentials, for AI hosts and tunnels alike', async () => {
    for (const target of [ANTHROPIC, 'example.com:443']) {
      const { head, socket } = await connectThrough(daemon.proxy, target)
      assert.equal(head.status, 407)
      assert.match(head.header('proxy-authenticate') ?? '', /^Basic realm=/)
      socket.destroy()
    }
    assert.deepEqual(lookups, [])
  })

  it('A09 H04 never reaches our own listeners, by address or by name, through an exemption', async () => {
    const ports = {
      CODER_AIBRIDGE_PROXY_ALLOWED_PORTS: `443,${daemon.api.port},${daemon.proxy.port}`,
    }
    await daemon.reload({ ...ports, CODER_AIBRIDGE_PROXY_ALLOWED_PRIVATE_CIDRS: '127.0.0.0/8' })
    for (const port of [daemon.api.port, daemon.proxy.port]) {
      for (const host of ['127.0.0.1', 'localhost', 'rebound.example']) {
        const { head, socket } = await connectThrough(daemon.proxy, `${host}:${port}`, daemon)
        assert.equal(head.header('x-aibridge-reason'), 'self', `${host}:${port}`)
        socket.destroy()
      }
    }
  })

  it('A10 is judged by its authority alone, whoever relays it', async () => {
    const relay = createServer(client => {
      void connectRaw(daemon.proxy).then(upstream => {
        client.on('error', () => upstream.destroy())
        client.pipe(upstream).pipe(client)
      })
    })
    const port = await listenOnLoopback(relay)
    const verdicts = new Map<string, Set<string>>()
    for (let i = 0; i < 60; i += 1) {
      const proxy = i % 2 === 0 ? daemon.proxy : { host: '127.0.0.1', port }
      const target = ['10.0.0.1:443', 'localhost:22', ANTHROPIC][i % 3] ?? ''
      const { head, socket } = await connectThrough(proxy, target, daemon)
      const verdict = head.header('x-aibridge-reason') ?? String(head.status)
      verdicts.set(target, (verdicts.get(target) ?? new Set()).add(verdict))
      socket.destroy()
    }
    relay.close()
    assert.ok([...verdicts.values()].every(found => found.size === 1))
    assert.equal(verdicts.size, 3)
  })

  it('A21 looks up no name that is refused, whatever its labels carry', async () => {
    lookups = []
    for (let i = 0; i < 100; i += 1) {
      const secret = Buffer.from(`data ${i}`).toString('hex')
      const suffix = ['local', 'onion', 'home.arpa', 'metadata.google.internal'][i % 4]
      const { head, socket } = await connectThrough(daemon.proxy, `${secret}.${suffix}:443`, daemon)
      assert.equal(head.status, 403)
      socket.destroy()
    }
    assert.deepEqual(lookups, [])
  })

  it('A20 is refused without a word about addresses and causes', async () => {
    for (const target of ['10.0.0.1:443', 'rebound.example:443', '[fd00::1]:443']) {
      const { socket } = await connectThrough(daemon.proxy, target, daemon)
      const text = String(await readToEnd(socket))
      assert.doesNotMatch(text, /\d+\.\d+\.\d+\.\d+|fd00|ECONN|EAI_|rebound/)
    }
  })

  const foreign: readonly (readonly [what: string, bytes: string])[] = [
    ['SOCKS5', '\x05\x01\x00'],
    ['SOCKS4', '\x04\x01\x00\x50\x7f\x00\x00\x01\x00'],
    ['a PROXY v2 head', '\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c'],
    ['a PROXY v1 head', 'PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n'],
    ['a ClientHello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ]
  for (const [what, bytes] of foreign) {
    it(`B28 is closed when it is ${what}`, async () => {
      const socket = await connectRaw(daemon.proxy)
      socket.write(Buffer.from(bytes, 'latin1'))
      assert.doesNotMatch(String(await readToEnd(socket)), /^HTTP\/1\.1 200/)
      socket.destroy()
    })
  }

  it('B07 is no web server: origin form, our own pages and asterisks are 400', async () => {
    for (const line of ['GET /', 'GET /metrics', 'OPTIONS *', 'GET https://a.example/']) {
      const socket = await connectRaw(daemon.proxy)
      const basic = Buffer.from(daemon.credentials).toString('base64')
      socket.write(`${line} HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic ${basic}\r\n\r\n`)
      assert.equal((await readHead(socket)).status, 400, line)
      socket.destroy()
    }
  })

  it('D20 may come from a user of any name, which stays a value', async () => {
    for (const user of ["' OR 1=1 --", '*)(uid=*', 'x'.repeat(200)]) {
      const caller = createCaller(daemon, user)
      const { head, socket } = await connectThrough(daemon.proxy, ANTHROPIC, {
        credentials: `x:${caller.token}`,
      })
      assert.equal(head.status, 200)
      socket.destroy()
      await daemon.event('connect_ended', event => event.user === user)
    }
  })
})

it('A16 no variable of the environment chooses a proxy or skips one', async () => {
  const trap = createServer(socket => socket.destroy())
  let hits = 0
  trap.on('connection', () => {
    hits += 1
  })
  const port = await listenOnLoopback(trap)
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy']
  const original = new Map(
    [...names, 'NO_PROXY', 'NODE_USE_ENV_PROXY'].map(n => [n, process.env[n]]),
  )
  for (const name of names) process.env[name] = `http://127.0.0.1:${port}`
  process.env['NO_PROXY'] = '*'
  process.env['NODE_USE_ENV_PROXY'] = '1'
  try {
    await using daemon = await startTestDaemon({
      lookup: () => Promise.resolve([{ address: '192.0.2.1', family: 4 }]),
    })
    const { head, socket } = await connectThrough(daemon.proxy, 'a.example:443', daemon)
    assert.equal(head.header('x-aibridge-reason'), 'documentation')
    socket.destroy()
    assert.equal(hits, 0)
  } finally {
    for (const [name, value] of original) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
    trap.close()
    await once(trap, 'close')
  }
})
