import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { loadAuthority } from '../../src/ca/authority.ts'
import { readElement, readElements } from '../../src/ca/der-reader.ts'
import { authorityFiles, replaceAuthority } from '../../src/ca/ensure-authority.ts'
import { mintLeaf } from '../../src/ca/leaf.ts'
import { generateLeafKey } from '../../src/ca/leaf-key.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import {
  type AiWorld,
  ANTHROPIC,
  HOST_ANTHROPIC as HOST,
  openConnect,
  openIntercepted,
  providersEnv,
  startAiWorld,
} from '../flow/ai-world.ts'
import { createCaller } from '../flow/callers.ts'
import { exchangeOn, get, post } from '../flow/wire.ts'
import { startTestDaemon } from '../support/daemon.ts'
import { listenOnLoopback } from '../support/listen.ts'
import { makeOrganisation } from '../support/organisation.ts'
import { testPki } from '../support/pki.ts'
import { connectThrough, readToEnd, secureOver } from '../support/raw-client.ts'

const length2 = (body: Buffer): Buffer => {
  const head = Buffer.alloc(2)
  head.writeUInt16BE(body.length)
  return Buffer.concat([head, body])
}

/** A ClientHello of TLS 1.2 whose server_name extension is these bytes. */
function clientHello(serverName: Buffer): Buffer {
  const extension = Buffer.concat([Buffer.from([0, 0]), length2(serverName)])
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    randomBytes(32),
    Buffer.from([0]),
    length2(Buffer.from([0xc0, 0x2b])),
    Buffer.from([1, 0]),
    length2(extension),
  ])
  const handshake = Buffer.concat([Buffer.from([1, 0]), length2(body)])
  return Buffer.concat([Buffer.from([22, 3, 1]), length2(handshake)])
}

const nameEntry = (name: Buffer | string, type = 0): Buffer =>
  Buffer.concat([Buffer.from([type]), length2(Buffer.from(name))])
const nameList = (...entries: Buffer[]): Buffer => length2(Buffer.concat(entries))

describe('TLS towards clients', { timeout: 60_000 }, () => {
  let world: AiWorld
  before(async () => {
    const { certFile, keyFile } = testPki().issue(['localhost'])
    world = await startAiWorld({
      env: {
        CODER_AIBRIDGE_PROXY_TLS_LISTEN_ADDR: '127.0.0.1:0',
        CODER_AIBRIDGE_PROXY_TLS_CERT_FILE: certFile,
        CODER_AIBRIDGE_PROXY_TLS_KEY_FILE: keyFile,
      },
    })
  })
  after(() => world[Symbol.asyncDispose]())

  const odd: readonly (readonly [what: string, extension: Buffer])[] = [
    ['an empty name', nameList(nameEntry(''))],
    ['300 bytes', nameList(nameEntry('x'.repeat(300)))],
    ['a NUL', nameList(nameEntry('api.anthropic.com\0.evil.example'))],
    ['bytes that are no text', nameList(nameEntry(Buffer.from([0xff, 0xfe, 0x80])))],
    ['two names', nameList(nameEntry(HOST), nameEntry('api.openai.com'))],
    ['another type of name', nameList(nameEntry(HOST, 7))],
    ['a list that is too short', Buffer.from([0, 99, 0])],
    ['nothing', Buffer.alloc(0)],
  ]
  for (const [what, extension] of odd) {
    it(`C05 survives a ClientHello with ${what} for its name, and answers no request`, async () => {
      const socket = await openConnect(world.daemon, ANTHROPIC)
      socket.end(clientHello(extension))
      assert.doesNotMatch((await readToEnd(socket)).toString('latin1'), /HTTP\/1\.1 200 OK/)
      socket.destroy()
      const again = await openIntercepted(world.daemon)
      assert.equal((await exchangeOn(again, get('/v1/models', HOST))).status, 200)
      again.destroy()
    })
  }

  it('C11 resumes a session for the caller who has it, and for no other', async () => {
    const { credentials } = createCaller(world.daemon, 'mallory')
    const first = await openIntercepted(world.daemon)
    const ticket = new Promise<Buffer>(resolve => first.once('session', resolve))
    await exchangeOn(first, get('/v1/models', HOST))
    const session = await ticket
    const second = await openIntercepted(world.daemon, {
      connect: { credentials },
      tls: { session },
    })
    assert.equal(second.isSessionReused(), false)
    const own = await openIntercepted(world.daemon, { tls: { session } })
    assert.equal(own.isSessionReused(), true)
    await exchangeOn(second, post('/v1/messages', HOST, '{}'))
    const ended = await world.daemon.event('call_ended', ({ route }) => route === '/v1/messages')
    assert.equal(ended.user, 'mallory')
    for (const socket of [first, second, own]) socket.destroy()
  })

  it('C12 takes no early data: its tickets allow none', async () => {
    const socket = await openIntercepted(world.daemon)
    const ticket = new Promise<Buffer>(resolve => socket.once('session', resolve))
    await exchangeOn(socket, get('/v1/models', HOST))
    // SSL_SESSION of OpenSSL: max_early_data is field [15], and left out when it is 0.
    // Node writes the host that the session is for in front.
    const session = await ticket
    const der = session.subarray(session.indexOf(Buffer.from([0x30, 0x82])))
    const fields = readElements(readElement(der).contents)
    assert.ok(fields.length > 5)
    assert.ok(!fields.some(({ tag }) => tag === 0xaf))
    socket.destroy()
  })

  it('C29 ends a connection whose records carry next to nothing, inside and at the TLS listener', async () => {
    const { proxy, tls, credentials } = world.daemon
    assert.ok(tls)
    // Each record is padded to 16,000 bytes (RFC 8446 5.4), whatever it carries.
    const flood = async (at: readonly string[], head: string): Promise<void> => {
      const options = ['-record_padding', '16000', '-quiet', '-noservername', ...at]
      const client = spawn('openssl', ['s_client', ...options], {
        stdio: ['pipe', 'ignore', 'ignore'],
      })
      client.stdin.on('error', () => {})
      client.stdin.write(`${head}\r\n\r\n`)
      const exited = once(client, 'exit')
      while (client.exitCode === null) {
        client.stdin.write('x')
        await new Promise(setImmediate)
      }
      await exited
    }
    const [user = '', password = ''] = credentials.split(':')
    const through = ['-proxy', `${proxy.host}:${proxy.port}`, '-proxy_user', user]
    const upload = `POST /v1/messages HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 99999`
    await flood([...through, '-proxy_pass', `pass:${password}`, '-connect', ANTHROPIC], upload)
    const basic = Buffer.from(credentials).toString('base64')
    const plain = `POST http://a.example/ HTTP/1.1\r\nHost: a\r\nContent-Length: 99999`
    await flood(
      ['-connect', `${tls.host}:${tls.port}`],
      `${plain}\r\nProxy-Authorization: Basic ${basic}`,
    )
    const floods = world.daemon.events.filter(
      event => event.type === 'client_error' && event.reason === 'flood',
    )
    assert.equal(floods.length, 2)
  })

  it('C24 keeps the keys of leaves in memory: the state directory has one key, the CA’s', async () => {
    const socket = await openIntercepted(world.daemon)
    socket.destroy()
    const { stateDir } = world.daemon
    const withKey = readdirSync(stateDir, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name))
      .filter(path => readFileSync(path).includes('PRIVATE KEY'))
    assert.deepEqual(withKey, [authorityFiles(stateDir).keyFile])
  })

  it('C19 changes its CA at a reload under load without a failed handshake', async () => {
    await using fresh = await startAiWorld()
    const { daemon } = fresh
    const oldPem = daemon.caPem
    const issuers = new Set<string>()
    const stop = new AbortController()
    let newPem = ''
    const load = async (): Promise<number> => {
      let count = 0
      while (!stop.signal.aborted) {
        const raw = await openConnect(daemon, ANTHROPIC)
        const ca = [oldPem, newPem].filter(pem => pem !== '')
        const socket = await secureOver(raw, { ca, servername: HOST })
        issuers.add(socket.getPeerX509Certificate()?.fingerprint256 ?? '')
        assert.equal((await exchangeOn(socket, get('/v1/models', HOST))).status, 200)
        socket.destroy()
        count += 1
      }
      return count
    }
    const clients = [load(), load(), load()]
    const now = Date.now()
    const request = {
      hosts: [HOST, 'localhost'],
      keyType: 'ec',
      lifetimeDays: 30,
      now,
    } as const
    const files = await replaceAuthority(daemon.stateDir, request)
    newPem = readFileSync(files.certFile, 'utf8')
    await daemon.reload({
      ...providersEnv({ type: 'anthropic', url: fresh.provider.url, key: 'sk-x' }),
    })
    const seen = issuers.size
    for (let i = 0; issuers.size === seen && i < 200; i += 1) {
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    stop.abort()
    const counts = await Promise.all(clients)
    assert.ok(counts.every(count => count > 0))
    assert.equal(issuers.size, 2, 'one leaf of each CA')
  })
})

it('C18 an expired CA is not ready, and its hosts are refused as such', async () => {
  let ahead = 0
  await using daemon = await startTestDaemon({
    clock: { ...systemClock, now: () => Date.now() + ahead },
  })
  const ready = async () => await fetch(`http://${daemon.api.host}:${daemon.api.port}/readyz`)
  assert.equal((await ready()).status, 200)
  ahead = 400 * 86_400_000
  const { head, socket } = await connectThrough(daemon.proxy, ANTHROPIC, daemon)
  assert.equal(head.status, 503)
  assert.equal(head.header('x-aibridge-reason'), 'ca_expired')
  socket.destroy()
  const answer = await ready()
  assert.equal(answer.status, 503)
  assert.match(await answer.text(), /"ca_expired"/)
})

describe('TLS towards providers', () => {
  /** A provider whose certificate is this, and what it heard after the handshake. */
  async function ask(options: { cert: string; key: string }) {
    let heard = 0
    const server = createTlsServer(options, socket => {
      socket.on('error', () => socket.destroy())
      socket.on('data', chunk => {
        heard += chunk.length
        socket.destroy()
      })
    })
    server.on('tlsClientError', () => {})
    const port = await listenOnLoopback(server)
    return { server, url: `https://localhost:${port}`, heard: () => heard }
  }

  it('C13 our own CA vouches for no provider, whatever file of roots holds it: the key stays here', async () => {
    const env = (url: string, more: Readonly<Record<string, string>>) => ({
      CODER_AIBRIDGE_PROVIDER_0_TYPE: 'anthropic',
      CODER_AIBRIDGE_PROVIDER_0_BASE_URL: url,
      CODER_AIBRIDGE_PROVIDER_0_KEY: 'sk-ant-x',
      CODER_AIBRIDGE_PROVIDER_0_HOSTS: `${HOST},localhost`,
      ...more,
    })
    await using daemon = await startTestDaemon({ env: env('https://localhost', {}) })
    const context = { hosts: ['localhost'], now: Date.now() }
    const authority = await loadAuthority(authorityFiles(daemon.stateDir), context)
    const key = await generateLeafKey()
    const leaf = await mintLeaf(authority, 'localhost', { ...context, key, lifetimeMs: 86_400_000 })
    const provider = await ask({ cert: leaf.certificatePem, key: key.privateKeyPem })
    const bundle = join(daemon.stateDir, 'bundle.pem')
    writeFileSync(bundle, testPki().certPem + daemon.caPem)

    for (const more of [{}, { CODER_AIBRIDGE_PROVIDER_0_CA_FILE: bundle }]) {
      await daemon.reload(env(provider.url, more))
      const socket = await openIntercepted(daemon)
      const answer = await exchangeOn(socket, post('/v1/messages', HOST, '{}'))
      assert.equal(answer.head.header('x-aibridge-reason'), 'provider_tls')
      socket.destroy()
    }
    assert.equal(provider.heard(), 0)
    provider.server.close()
  })

  it('C13 neither does our CA below a root of the organisation, which vouches for others', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'aibridge-organisation-'))
    const file = (name: string, text: string): string => {
      const path = join(directory, name)
      writeFileSync(path, text, { mode: 0o600 })
      return path
    }
    const { rootPem, caPem, caKeyPem, server } = await makeOrganisation()
    const files = { certFile: file('ca.pem', caPem + rootPem), keyFile: file('ca.key', caKeyPem) }
    const context = { hosts: ['localhost'], now: Date.now() }
    const key = await generateLeafKey()
    const leaf = await mintLeaf(await loadAuthority(files, context), 'localhost', {
      ...context,
      key,
      lifetimeMs: 86_400_000,
    })
    const theirs = await ask(server)
    const ours = await ask({ cert: leaf.certificatePem + caPem, key: key.privateKeyPem })
    const env = (url: string) => ({
      CODER_AIBRIDGE_PROXY_CERT_FILE: files.certFile,
      CODER_AIBRIDGE_PROXY_KEY_FILE: files.keyFile,
      CODER_AIBRIDGE_PROVIDER_0_TYPE: 'anthropic',
      CODER_AIBRIDGE_PROVIDER_0_BASE_URL: url,
      CODER_AIBRIDGE_PROVIDER_0_KEY: 'sk-ant-x',
      CODER_AIBRIDGE_PROVIDER_0_HOSTS: HOST,
      CODER_AIBRIDGE_PROVIDER_0_CA_FILE: file('root.pem', rootPem),
    })
    await using daemon = await startTestDaemon({ env: env(theirs.url) })
    const reasonOf = async (): Promise<string | undefined> => {
      const socket = await openIntercepted(daemon, { tls: { ca: rootPem } })
      const answer = await exchangeOn(socket, post('/v1/messages', HOST, '{}'))
      socket.destroy()
      return answer.head.header('x-aibridge-reason')
    }
    assert.equal(await reasonOf(), 'provider_broken', 'it closes once it has heard something')
    assert.ok(theirs.heard() > 0)
    await daemon.reload(env(ours.url))
    assert.equal(await reasonOf(), 'provider_tls')
    assert.equal(ours.heard(), 0)
    for (const { server: open } of [theirs, ours]) open.close()
    rmSync(directory, { recursive: true })
  })

  it('C29 records that carry next to nothing end the connection to a provider too', async () => {
    const { certFile, keyFile } = testPki().issue(['localhost'])
    const at = ['-accept', '127.0.0.1:0', '-cert', certFile, '-key', keyFile]
    const server = spawn('openssl', ['s_server', ...at, '-record_padding', '16000'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    server.stdin.on('error', () => {})
    const lines = createInterface({ input: server.stdout })
    const lineOf = (pattern: RegExp) =>
      new Promise<string>(resolve => {
        lines.on('line', line => {
          const found = pattern.exec(line)
          if (found !== null) resolve(found[1] ?? '')
        })
      })
    const port = await lineOf(/^ACCEPT .*:(\d+)$/)
    const request = lineOf(/^POST /)
    await using daemon = await startTestDaemon({
      env: providersEnv({ type: 'anthropic', url: `https://localhost:${port}`, key: 'sk-ant-x' }),
    })
    const socket = await openIntercepted(daemon)
    socket.resume().write(post('/v1/messages', HOST, '{}'))
    await request
    server.stdin.write('HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n')
    while (!daemon.events.some(({ type }) => type === 'call_ended')) {
      server.stdin.write('x')
      await new Promise(setImmediate)
    }
    server.kill()
    socket.destroy()
    assert.equal((await daemon.event('call_ended')).outcome, 'failed')
  })

  it('C27 a chain of two thousand certificates is given up, and the daemon goes on', async () => {
    const { certPem, keyPem } = testPki().issue(['localhost', '127.0.0.1'])
    const provider = await ask({ cert: certPem + testPki().certPem.repeat(2000), key: keyPem })
    await using daemon = await startTestDaemon({
      env: providersEnv({ type: 'anthropic', url: provider.url, key: 'sk-ant-x' }),
    })
    const socket = await openIntercepted(daemon)
    const answer = await exchangeOn(socket, post('/v1/messages', HOST, '{}'))
    assert.equal(answer.status, 502)
    assert.equal(provider.heard(), 0)
    socket.destroy()
    provider.server.close()
  })
})
