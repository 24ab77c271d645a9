import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Clock } from '../../src/kernel/clock.ts'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { echo, type Origin, startTcpOrigin } from '../support/origin.ts'
import { createPki, type IssuedCertificate, type TestPki, testPki } from '../support/pki.ts'
import { type Head, readHead, readToEnd } from '../support/raw-client.ts'
import { ANTHROPIC } from './ai-world.ts'

const P = 'CODER_AIBRIDGE_PROXY_'

interface Opened {
  readonly head: Head
  readonly socket: TLSSocket
}

/** CONNECT over the TLS listener; rejects when the connection ends before its answer. */
async function open(
  { tls, proxy }: TestDaemon,
  certificate: IssuedCertificate | undefined,
  { authority = ANTHROPIC, token }: { readonly authority?: string; readonly token?: string } = {},
): Promise<Opened> {
  const socket = connectTls({
    ...(tls ?? proxy),
    servername: 'localhost',
    ca: testPki().certPem,
    ...(certificate && { cert: certificate.certPem, key: certificate.keyPem }),
  })
  await once(socket, 'secureConnect')
  socket.on('error', () => socket.destroy())
  const credentials = token && `Proxy-Authorization: Basic ${btoa(`x:${token}`)}\r\n`
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${credentials ?? ''}\r\n`)
  return { head: await readHead(socket), socket }
}

async function answer(...args: Parameters<typeof open>): Promise<readonly [number, string]> {
  const { head, socket } = await open(...args)
  socket.destroy()
  return [head.status, head.header('x-aibridge-reason') ?? '']
}

const ADMITTED = [200, '']

describe('a client certificate', () => {
  const opened = new AsyncDisposableStack()
  let pki: TestPki
  let daemon: TestDaemon
  let origin: Origin
  let caFile: string
  let env: Record<string, string>
  const clock: Clock & { skew: number } = {
    skew: 0,
    now() {
      return Date.now() + this.skew
    },
    monotonic: () => performance.now(),
  }
  before(async () => {
    pki = createPki('Clients')
    origin = opened.use(await startTcpOrigin(echo))
    const server = testPki().issue(['localhost'])
    caFile = join(pki.dir, 'clients.pem')
    writeFileSync(caFile, pki.certPem)
    env = {
      [`${P}TLS_CERT_FILE`]: server.certFile,
      [`${P}TLS_KEY_FILE`]: server.keyFile,
      [`${P}TLS_CLIENT_CA_FILE`]: caFile,
      [`${P}ALLOWED_PORTS`]: `443,${origin.port}`,
      [`${P}ALLOWED_PRIVATE_CIDRS`]: '127.0.0.0/8,::1/128',
    }
    daemon = opened.use(await startTestDaemon({ clock, env }))
  })
  after(() => opened.disposeAsync())

  it('names the caller who sends no token', async () => {
    assert.deepEqual(await answer(daemon, pki.issueClient('/CN=ada')), ADMITTED)
    const ended = await daemon.event('connect_ended', ({ user }) => user === 'cert:ada')
    assert.match(ended.tokenId ?? '', /^cert-[0-9a-f]{12}$/)
  })

  it('may be left out where a token is sent, which also goes before it', async () => {
    const { token } = daemon
    assert.deepEqual(await answer(daemon, undefined, { token }), ADMITTED)
    assert.deepEqual(await answer(daemon, pki.issueClient('/CN=bob'), { token }), ADMITTED)
    const users = daemon.events.flatMap(event =>
      event.type === 'connect_ended' ? [event.user ?? ''] : [],
    )
    assert.ok(!users.includes('cert:bob'))
    const wrong = await answer(daemon, pki.issueClient('/CN=bob'), { token: 'wrong' })
    assert.deepEqual(wrong, [407, 'auth_invalid'])
    assert.deepEqual(await answer(daemon, undefined), [407, 'auth_missing'])
  })

  const refused: readonly (readonly [what: string, make: () => IssuedCertificate, why: RegExp])[] =
    [
      ['of another CA', () => createPki('Stranger').issueClient('/CN=ada'), /UNABLE_TO/],
      ['of the CA of our own listener', () => testPki().issueClient('/CN=ada'), /SELF_SIGNED/],
      ['that has expired', () => pki.issueExpiredClient('/CN=ada'), /CERT_HAS_EXPIRED/],
      ['for servers', () => pki.issue(['ada']), /INVALID_PURPOSE/],
      ['without a name', () => pki.issueClient('/O=acme'), /its cn is no name/],
      ['with two names', () => pki.issueClient('/CN=ada/CN=eve'), /not the only one/],
      ['with a blank in its name', () => pki.issueClient('/CN=ada eve'), /no name/],
    ]
  for (const [what, make, why] of refused) {
    it(`${what} names nobody`, async () => {
      assert.deepEqual(await answer(daemon, make()), [407, 'auth_invalid'])
      const ended = daemon.events.findLast(event => event.type === 'connect_ended')
      assert.match(ended?.detail ?? '', why)
    })
  }

  it('names by the only alternative name of the kind that the option says', async () => {
    const users: (readonly [kind: string, names: string, expected: string | undefined])[] = [
      ['san-uri', 'URI:spiffe://acme/ci,DNS:a.test,DNS:b.test', 'cert:spiffe://acme/ci'],
      ['san-email', 'email:ada@acme.test', 'cert:ada@acme.test'],
      ['san-dns', 'DNS:a.test,email:ada@acme.test', 'cert:a.test'],
      ['san-dns', 'DNS:a.test,DNS:b.test', undefined],
      ['san-dns', 'email:ada@acme.test', undefined],
    ]
    for (const [kind, names, expected] of users) {
      await daemon.reload({ ...env, [`${P}TLS_CLIENT_USER_FROM`]: kind })
      const [status] = await answer(daemon, pki.issueClient('/CN=ada', names))
      assert.equal(status, expected === undefined ? 407 : 200)
      if (expected !== undefined) {
        await daemon.event('connect_ended', ({ user }) => user === expected)
      }
    }
    await daemon.reload(env)
  })

  it('that expires, or whose CA is no longer configured, ends its tunnels', async () => {
    const tunnel = async (): Promise<TLSSocket> => {
      const certificate = pki.issueClient('/CN=ada')
      const { head, socket } = await open(daemon, certificate, { authority: origin.authority })
      assert.equal(head.status, 200)
      return socket
    }
    const first = await tunnel()
    clock.skew = 3 * 86_400_000
    await readToEnd(first)
    clock.skew = 0
    const second = await tunnel()
    const next = createPki('Next clients')
    writeFileSync(caFile, next.certPem)
    await daemon.reload(env)
    await readToEnd(second)
    for (const socket of [first, second]) socket.destroy()
    assert.deepEqual(await answer(daemon, pki.issueClient('/CN=ada')), [407, 'auth_invalid'])
    assert.deepEqual(await answer(daemon, next.issueClient('/CN=ada')), ADMITTED)
    const { [`${P}TLS_CLIENT_CA_FILE`]: _, ...without } = env
    await daemon.reload(without)
    assert.deepEqual(await answer(daemon, next.issueClient('/CN=ada')), [407, 'auth_missing'])
    writeFileSync(caFile, pki.certPem)
    await daemon.reload(env)
  })

  it('is asked for before anything else where it is required', async () => {
    await using strict = await startTestDaemon({
      env: { ...env, [`${P}TLS_CLIENT_AUTH`]: 'required' },
    })
    assert.deepEqual(await answer(strict, pki.issueClient('/CN=ada')), ADMITTED)
    const { token } = strict
    await assert.rejects(answer(strict, undefined, { token }))
    await assert.rejects(answer(strict, createPki('Stranger').issueClient('/CN=ada'), { token }))
    await assert.rejects(answer(strict, pki.issueExpiredClient('/CN=ada'), { token }))
    const told = await strict.event('client_error', ({ detail }) => /EXPIRED/.test(detail ?? ''))
    assert.equal(told.detail, 'TLS: client certificate: CERT_HAS_EXPIRED')
  })

  it('names nobody in remote mode, where the deployment would not know them', async () => {
    await using remote = await startTestDaemon({
      env: {
        ...env,
        CODER_AIBRIDGE_ENABLED: 'false',
        CODER_ACCESS_URL: `http://127.0.0.1:${origin.port}`,
      },
    })
    assert.deepEqual(await answer(remote, pki.issueClient('/CN=ada')), [407, 'auth_missing'])
  })
})
