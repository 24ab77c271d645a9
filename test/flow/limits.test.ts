import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type { ClientHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { databaseFile } from '../../src/record/database.ts'
import { startTestDaemon } from '../support/daemon.ts'
import { createToken, startDaemonProcess } from '../support/daemon-process.ts'
import { echo, startTcpOrigin } from '../support/origin.ts'
import { testPki } from '../support/pki.ts'
import { connectRaw, connectThrough, readHead, readToEnd } from '../support/raw-client.ts'
import { ANTHROPIC, openConnect, openIntercepted, startAiWorld } from './ai-world.ts'
import { createCaller } from './callers.ts'
import { openHttp2, readHttp2, send } from './http2-world.ts'
import { exchangeOn, get, post } from './wire.ts'

const HOST = 'api.anthropic.com'
const P = 'CODER_AIBRIDGE_PROXY_'
const unknownToken = (i: number): string => `ada:aibp_${String(i).padEnd(43, 'x')}`

describe('connections that do not say who they are', () => {
  it('give way to newer ones, and to no harm of a caller (G03, G04)', async () => {
    await using world = await startAiWorld({
      env: { [`${P}UNAUTHENTICATED_CONNECTIONS`]: '5' },
    })
    const known = await openIntercepted(world.daemon)
    const silent: Socket[] = []
    for (let i = 0; i < 6; i += 1) silent.push(await connectRaw(world.daemon.proxy))
    await world.daemon.event('client_error', ({ reason }) => reason === 'gave_way')
    assert.equal((await readToEnd(silent[0] as Socket)).length, 0)
    assert.equal((await exchangeOn(known, get('/v1/models', HOST))).status, 200)
    const another = await openIntercepted(world.daemon)
    for (const socket of [...silent, known, another]) socket.destroy()
  })

  it("give way at the API's port as well, to no harm of a caller, health and metrics", async () => {
    await using world = await startAiWorld({
      env: { [`${P}UNAUTHENTICATED_CONNECTIONS`]: '5' },
      provider: { behaviour: (_, index) => (index === 0 ? { stallAfter: 1 } : {}) },
    })
    const { api, token } = world.daemon
    const request = post('/api/v2/aibridge/anthropic/v1/messages', 'localhost', '{"stream":true}', [
      `Coder-Session-Token: ${token}`,
    ])
    const call = await connectRaw(api)
    call.write(request)
    assert.equal((await readHead(call)).status, 200)
    const idle = await connectRaw(api)
    assert.equal((await exchangeOn(idle, request)).status, 200)
    const flood: Socket[] = []
    for (let i = 0; i < 12; i += 1) {
      const stranger = await connectRaw(api)
      flood.push(stranger)
      if (i % 2 === 1)
        assert.equal((await exchangeOn(stranger, get('/livez', 'localhost'))).status, 200)
    }
    const peer = await world.daemon.event('client_error', ({ reason }) => reason === 'gave_way')
    assert.match(peer.peer, /127\.0\.0\.1/)
    assert.equal((await readToEnd(flood[0] as Socket)).length, 0)
    for (const path of ['/readyz', '/metrics']) {
      const asking = await connectRaw(api)
      assert.equal((await exchangeOn(asking, get(path, 'localhost'))).status, 200)
      asking.destroy()
    }
    assert.ok(!call.destroyed && !call.readableEnded)
    assert.equal((await exchangeOn(idle, request)).status, 200)
    for (const socket of [call, idle, ...flood]) socket.destroy()
  })

  it('are cut off in the middle of a handshake with the listener (G04)', async () => {
    const { certFile, keyFile } = testPki().issue(['localhost', '127.0.0.1'])
    await using daemon = await startTestDaemon({
      env: {
        [`${P}TLS_CERT_FILE`]: certFile,
        [`${P}TLS_KEY_FILE`]: keyFile,
        [`${P}TLS_HANDSHAKE_TIMEOUT`]: '200ms',
        [`${P}UNAUTHENTICATED_CONNECTIONS`]: '2',
      },
    })
    const silent = await connectRaw(daemon.proxy)
    const half = await connectRaw(daemon.proxy)
    half.write('\x16\x03\x01')
    await Promise.all([readToEnd(silent), readToEnd(half)])
    const secure = connectTls({ ...daemon.proxy, ca: testPki().certPem, servername: 'localhost' })
    await once(secure, 'secureConnect')
    const credentials = Buffer.from(daemon.credentials).toString('base64')
    secure.write(
      `CONNECT ${ANTHROPIC} HTTP/1.1\r\nProxy-Authorization: Basic ${credentials}\r\n\r\n`,
    )
    assert.equal((await readHead(secure)).status, 200)
    // A caller that is known does not give way, although TLS hides its socket.
    const others: Socket[] = []
    for (let i = 0; i < 4; i += 1) others.push(await connectRaw(daemon.proxy))
    await daemon.event('client_error', ({ reason }) => reason === 'gave_way')
    assert.ok(!secure.destroyed)
    for (const socket of [secure, silent, half, ...others]) socket.destroy()
  })
})

describe('a flood of CONNECTs without a valid token (G07)', () => {
  it('is refused before any lookup and fills no books, and callers are served meanwhile', async () => {
    await using daemon = await startTestDaemon({
      lookup: () => Promise.reject(new Error('nothing may be looked up before authentication')),
    })
    const flood = async (i: number): Promise<number> => {
      const credentials = i < 38 ? {} : { credentials: unknownToken(i) }
      const { head, socket } = await connectThrough(daemon.proxy, `n${i}.example:443`, credentials)
      socket.destroy()
      return head.status
    }
    for (let round = 0; round < 5; round += 1) {
      const statuses = Array.from({ length: 40 }, (_, i) => flood(i))
      const { head, socket } = await connectThrough(daemon.proxy, ANTHROPIC, daemon)
      assert.equal(head.status, 200)
      socket.destroy()
      assert.deepEqual(new Set(await Promise.all(statuses)), new Set([407]))
    }
    // Strangers fill no books; the last caller's row comes behind theirs.
    const rows = (): unknown[] => {
      using books = new DatabaseSync(databaseFile(daemon.stateDir), { readOnly: true })
      return books.prepare('SELECT user FROM connects').all()
    }
    for (let i = 0; rows().length < 5 && i < 200; i += 1) await delay(10)
    const expected = Array.from({ length: 5 }, () => ({ user: 'ada' }))
    assert.deepEqual(
      rows().map(row => ({ ...(row as object) })),
      expected,
    )
  })

  it('has its answers slowed, and a right token from the same address has not (D04)', async () => {
    await using daemon = await startTestDaemon()
    const attempt = async (credentials: string): Promise<readonly [number, number]> => {
      const began = performance.now()
      const { head, socket } = await connectThrough(daemon.proxy, ANTHROPIC, { credentials })
      socket.destroy()
      return [head.status, performance.now() - began]
    }
    for (let i = 0; i < 12; i += 1) assert.equal((await attempt(unknownToken(i)))[0], 407)
    const [status, ms] = await attempt(unknownToken(13))
    assert.equal(status, 407)
    assert.ok(ms >= 350, `${ms}`)
    const first = await Promise.race([
      attempt(unknownToken(14)).then(() => 'wrong'),
      attempt(daemon.credentials).then(([answer]) => `right ${answer}`),
    ])
    assert.equal(first, 'right 200')
    const began = performance.now()
    const url = `http://${daemon.api.host}:${daemon.api.port}/api/v2/users/me`
    const answer = await fetch(url, { headers: { 'Coder-Session-Token': 'wrong' } })
    assert.equal(answer.status, 401)
    assert.ok(performance.now() - began >= 700)
  })
})

describe('one caller at its limits does not hurt others (G06)', () => {
  it('with names that hang', async () => {
    await using origin = await startTcpOrigin(echo)
    await using daemon = await startTestDaemon({
      env: {
        [`${P}ALLOWED_PORTS`]: `443,${origin.port}`,
        [`${P}ALLOWED_PRIVATE_CIDRS`]: '127.0.0.0/8',
      },
      lookup: name =>
        name.startsWith('hung')
          ? new Promise(() => {})
          : Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
    })
    const greedy = createCaller(daemon, 'greedy')
    const hung: Socket[] = []
    for (let i = 0; i < 40; i += 1) {
      const socket = await connectRaw(daemon.proxy)
      const credentials = Buffer.from(greedy.credentials).toString('base64')
      socket.write(
        `CONNECT hung${i}.example:443 HTTP/1.1\r\nProxy-Authorization: Basic ${credentials}\r\n\r\n`,
      )
      hung.push(socket)
    }
    const began = performance.now()
    const tunnel = await openConnect(daemon, `fine.example:${origin.port}`)
    assert.ok(performance.now() - began < 4000)
    for (const socket of [tunnel, ...hung]) socket.destroy()
  })

  it('with tunnels, which leave room for its own calls as well', async () => {
    await using origin = await startTcpOrigin(echo)
    await using world = await startAiWorld({
      env: {
        [`${P}ALLOWED_PORTS`]: `443,${origin.port}`,
        [`${P}ALLOWED_PRIVATE_CIDRS`]: '127.0.0.0/8',
        [`${P}TUNNELS_PER_CALLER`]: '1',
      },
    })
    const { daemon } = world
    const first = await openConnect(daemon, origin.authority)
    const second = await connectThrough(daemon.proxy, origin.authority, daemon)
    assert.equal(second.head.status, 429)
    assert.equal(second.head.header('x-aibridge-reason'), 'too_many_tunnels')
    assert.equal(second.head.header('retry-after'), '1')
    const call = await openIntercepted(daemon)
    const { credentials } = createCaller(daemon)
    const other = await openConnect(daemon, origin.authority, { credentials })
    for (const socket of [first, second.socket, call, other]) socket.destroy()
  })
})

describe('calls that share a connection', { timeout: 20_000 }, () => {
  it('count for their caller as connections do, each beyond the first (G06)', async () => {
    await using world = await startAiWorld({
      env: { [`${P}CONNECTIONS_PER_CALLER`]: '3' },
      provider: { behaviour: () => ({ stallAfter: 1 }) },
    })
    const { daemon, provider } = world
    const streams = await openHttp2(daemon)
    const call = (): ClientHttp2Stream => send(streams, {}, '{"stream":true}')
    const open = [call(), call(), call()]
    await Promise.all(open.map(stream => once(stream, 'response')))
    const refused = await readHttp2(call())
    assert.equal(refused.status, 429)
    assert.equal(refused.headers['x-aibridge-reason'], 'too_many_connections')
    assert.equal(refused.headers['retry-after'], '1')
    const more = await connectThrough(daemon.proxy, ANTHROPIC, daemon)
    assert.equal(more.head.status, 429)

    const other = createCaller(daemon)
    const pipeline = await openIntercepted(daemon, { connect: other })
    const request = post('/v1/messages', HOST, '{"stream":true}')
    const sent = provider.exchanges.length
    pipeline.write(Buffer.concat(Array.from({ length: 5 }, () => request)))
    await daemon.event(
      'client_error',
      ({ reason, connection }) => reason === 'too_many_connections' && connection?.user === 'bob',
    )
    assert.ok(provider.exchanges.length - sent <= 3)

    open[1]?.destroy()
    let status = 429
    while (status === 429) [{ ':status': status }] = await once(call(), 'response')
    assert.equal(status, 200)
    for (const one of [streams, pipeline, more.socket]) one.destroy()
  })
})

describe('a daemon that is short of something', () => {
  it('refuses new connections with 503 and Retry-After while memory is short (F14)', async () => {
    await using daemon = await startTestDaemon()
    const open = await openConnect(daemon, ANTHROPIC)
    await daemon.reload({ [`${P}MEMORY_LIMIT`]: '1MiB' })
    const { head, socket } = await connectThrough(daemon.proxy, ANTHROPIC, daemon)
    assert.equal(head.status, 503)
    assert.equal(head.header('x-aibridge-reason'), 'overloaded')
    assert.equal(head.header('retry-after'), '1')
    await daemon.reload({})
    const again = await openConnect(daemon, ANTHROPIC)
    for (const one of [open, socket, again]) one.destroy()
  })

  it('survives the end of its descriptors without spinning, and recovers (F13)', async () => {
    await using daemon = await startDaemonProcess()
    const { pid } = daemon.child
    const credentials = `ada:${await createToken(daemon, 'ada')}`
    const limitFiles = (most: number): void => {
      execFileSync('prlimit', ['--pid', String(pid), `--nofile=${most}:`])
    }
    // Room for eighteen connections beside what the process itself needs.
    limitFiles(112)
    await delay(300)
    const open: Socket[] = []
    let refused = 0
    while (refused === 0 && open.length < 60) {
      const { head, socket } = await connectThrough(daemon.proxy, ANTHROPIC, { credentials })
      open.push(socket)
      if (head.status !== 200) refused = head.status
    }
    assert.equal(refused, 503)
    assert.equal((await fetch(`${daemon.apiUrl}/livez`)).status, 200)
    for (const socket of open) socket.destroy()

    limitFiles(readdirSync(`/proc/${pid}/fd`).length + 12)
    const flood: Socket[] = []
    for (let i = 0; i < 60; i += 1) flood.push(await connectRaw(daemon.proxy))
    const before = cpuTicks(pid)
    await delay(300)
    assert.ok(cpuTicks(pid) - before < 20, 'it spins')
    for (const socket of flood) socket.destroy()
    let status = 0
    for (let i = 0; status !== 200 && i < 100; i += 1) {
      const answered = await connectThrough(daemon.proxy, ANTHROPIC, { credentials }).catch(
        () => undefined,
      )
      status = answered?.head.status ?? 0
      answered?.socket.destroy()
      if (status !== 200) await delay(50)
    }
    assert.equal(status, 200)
    assert.ok(daemon.lines.length < 60, `${daemon.lines.length} lines`)
  })
})

/** User and system time in hundredths of a second (proc(5)). */
function cpuTicks(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}
