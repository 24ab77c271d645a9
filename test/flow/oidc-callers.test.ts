import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { CompactSign, generateKeyPair, SignJWT } from 'jose'
import type { Clock } from '../../src/kernel/clock.ts'
import { headerValues } from '../../src/kernel/headers.ts'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { AUDIENCE, type Issuer, type JwtOptions, startIssuer } from '../support/issuer.ts'
import { echo, startTcpOrigin } from '../support/origin.ts'
import { createPki } from '../support/pki.ts'
import { type Provider, startProvider } from '../support/provider.ts'
import { connectRaw, connectThrough, readToEnd } from '../support/raw-client.ts'
import { ANTHROPIC, ANTHROPIC_KEY, openConnect, openIntercepted, providersEnv } from './ai-world.ts'
import { exchangeOn, post } from './wire.ts'

const HOST = 'api.anthropic.com'
const MINUTE = 60_000

let peers = 0

/** What a CONNECT with this token is answered, each from another address: failures add up. */
async function connect(
  { proxy }: TestDaemon,
  token: string,
): Promise<{ status: number; reason: string | undefined }> {
  peers += 1
  const from = { ...proxy, localAddress: `127.1.0.${peers}` }
  const { head, socket } = await connectThrough(from, ANTHROPIC, { credentials: `x:${token}` })
  socket.destroy()
  return { status: head.status, reason: head.header('x-aibridge-reason') }
}

const ADMITTED = { status: 200, reason: undefined }
const INVALID = { status: 407, reason: 'auth_invalid' }
const UNAVAILABLE = { status: 503, reason: 'auth_unavailable' }

/** Text of a token with other first segments, and what signature one likes. */
function forge(header: object, claims: object, signature = 'AAAA'): string {
  const segment = (value: object): string =>
    Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${segment(header)}.${segment(claims)}.${signature}`
}

function claimsOf(issuer: Issuer): Record<string, unknown> {
  const exp = Math.floor(Date.now() / 1000) + 300
  return { iss: issuer.url, aud: AUDIENCE, sub: 'ada', exp }
}

describe('a caller with a JWT of the issuer', () => {
  const opened = new AsyncDisposableStack()
  let issuer: Issuer
  let provider: Provider
  let daemon: TestDaemon
  before(async () => {
    issuer = opened.use(await startIssuer())
    provider = opened.use(await startProvider({ gapMs: 1 }))
    const env = providersEnv({ type: 'anthropic', key: ANTHROPIC_KEY, url: provider.url })
    daemon = opened.use(await startTestDaemon({ env: { ...env, ...issuer.env } }))
  })
  after(() => opened.disposeAsync())

  it('is let in under a name that no stored token can have', async () => {
    assert.deepEqual(await connect(daemon, await issuer.sign()), ADMITTED)
    const ended = await daemon.event('connect_ended', ({ user }) => user !== undefined)
    assert.equal(ended.user, 'oidc:repo:x')
    assert.match(ended.tokenId ?? '', /^oidc-[0-9a-f]{12}$/)
  })

  it('may send it as a bearer', async () => {
    const headers = [`Proxy-Authorization: Bearer ${await issuer.sign()}`]
    const { head, socket } = await connectThrough(daemon.proxy, ANTHROPIC, { headers })
    socket.destroy()
    assert.equal(head.status, 200)
  })

  it('costs the issuer one question, however many come', async () => {
    const tokens = await Promise.all(Array.from({ length: 5 }, () => issuer.sign()))
    await Promise.all(tokens.map(token => connect(daemon, token)))
    assert.equal(issuer.questions, 1)
  })

  it('gets the central key, and no JWT of the issuer goes on to the provider', async () => {
    const [own, other] = [await issuer.sign(), await issuer.sign({ claims: { jti: '2' } })]
    for (const token of [own, other]) {
      const socket = await openIntercepted(daemon, { connect: { credentials: `x:${own}` } })
      const headers = [`Authorization: Bearer ${token}`, `X-Note: see ${token}`]
      await exchangeOn(socket, post('/v1/messages', HOST, '{}', headers))
      socket.destroy()
      const { rawHeaders } = provider.exchanges.at(-1) ?? { rawHeaders: [] }
      assert.deepEqual(headerValues(rawHeaders, 'x-api-key'), [ANTHROPIC_KEY])
      assert.doesNotMatch(rawHeaders.join(), /eyJ/)
    }
  })

  it('is known on base-URL routes and to the API, never as an administrator', async () => {
    const token = await issuer.sign({ claims: { admin: true, roles: ['owner'] } })
    const socket = await connectRaw(daemon.api)
    const header = [`Authorization: Bearer ${token}`]
    const path = '/api/v2/aibridge/anthropic/v1/messages'
    assert.equal((await exchangeOn(socket, post(path, '127.0.0.1', '{}', header))).status, 200)
    socket.destroy()
    const api = async (what: string): Promise<Response> =>
      await fetch(`http://127.0.0.1:${daemon.api.port}/api/v2/${what}`, {
        headers: { 'Coder-Session-Token': token },
      })
    assert.match(await (await api('users/me')).text(), /"username":"oidc:repo:x"/)
    assert.equal((await api('deployment/config')).status, 403)
  })

  it('brings a JWT of another issuer as a key of its own', async () => {
    const key = forge({ alg: 'RS256' }, { iss: 'https://auth.openai.com' })
    const socket = await connectRaw(daemon.api)
    const path = '/api/v2/aibridge/anthropic/v1/messages'
    const answer = await exchangeOn(
      socket,
      post(path, '127.0.0.1', '{}', [`Authorization: Bearer ${key}`]),
    )
    socket.destroy()
    assert.deepEqual(
      [answer.status, answer.head.header('x-aibridge-reason')],
      [401, 'token_required'],
    )
  })

  const refused: readonly (readonly [what: string, options: JwtOptions, detail: RegExp])[] = [
    ['of another audience', { claims: { aud: 'other-service' } }, /aud/],
    ['without an audience', { claims: { aud: undefined } }, /aud/],
    ['that has expired', { expiresIn: -61 }, /exp/],
    ['without an end', { claims: { exp: undefined } }, /exp/],
    ['whose end is no number', { claims: { exp: 'never' } }, /exp/],
    ['that is not valid yet', { claims: { nbf: Date.now() / 1000 + 3600 } }, /nbf/],
    ['issued in the future', { claims: { iat: Date.now() / 1000 + 3600 } }, /iat/],
    ['without a kid', { header: { kid: undefined } }, /kid/],
    ['of a key that the issuer does not have', { header: { kid: 'nobody' } }, /no key/],
    ['whose kid is no text', { header: { kid: 1 } }, /kid/],
    ['of another kind', { header: { typ: 'logout+jwt' } }, /typ/],
    ['without a user', { claims: { sub: undefined } }, /claim sub/],
    ['with blanks in the name', { claims: { sub: 'a b' } }, /claim sub/],
    ['with a line break in the name', { claims: { sub: 'a\nb' } }, /claim sub/],
    ['whose user is no text', { claims: { sub: ['a'] } }, /claim sub/],
  ]
  for (const [what, options, detail] of refused) {
    it(`is refused with one ${what}`, async () => {
      assert.deepEqual(await connect(daemon, await issuer.sign(options)), INVALID)
      const { detail: told } = daemon.events.findLast(event => event.type === 'connect_ended') ?? {}
      assert.match(told ?? '', detail)
      assert.doesNotMatch(told ?? '', /eyJ|\[object/)
    })
  }

  const forged: readonly (readonly [what: string, forge: () => string | Promise<string>])[] = [
    ['alg=none', () => forge({ alg: 'none', kid: issuer.keys[0]?.kid }, claimsOf(issuer), 'AA')],
    [
      'HS256 with the public key as the secret',
      async () =>
        await new SignJWT(claimsOf(issuer))
          .setProtectedHeader({ alg: 'HS256', kid: issuer.keys[0]?.kid ?? '' })
          .sign(Buffer.from(JSON.stringify(issuer.keys[0]))),
    ],
    [
      'a key of its own under a known kid',
      async () =>
        await new SignJWT(claimsOf(issuer))
          .setProtectedHeader({ alg: 'ES256', kid: issuer.keys[0]?.kid ?? '' })
          .sign((await generateKeyPair('ES256')).privateKey),
    ],
    [
      'a key of its own in the head',
      async () => {
        const { privateKey } = await generateKeyPair('ES256')
        return await new CompactSign(Buffer.from(JSON.stringify(claimsOf(issuer))))
          .setProtectedHeader({
            alg: 'ES256',
            kid: 'mine',
            jwk: { kty: 'EC' },
            jku: 'https://x.test',
          })
          .sign(privateKey)
      },
    ],
    [
      'crit',
      () =>
        forge(
          { alg: 'ES256', kid: issuer.keys[0]?.kid, crit: ['b64'], b64: false },
          claimsOf(issuer),
        ),
    ],
    [
      'another signature',
      async () => `${(await issuer.sign()).split('.').slice(0, 2).join('.')}.${'A'.repeat(86)}`,
    ],
    [
      'other claims',
      async () => {
        const [head, , signature] = (await issuer.sign()).split('.')
        const claims = Buffer.from(JSON.stringify(claimsOf(issuer))).toString('base64url')
        return [head, claims, signature].join('.')
      },
    ],
    ['two segments', async () => (await issuer.sign()).replace(/\.[^.]+$/, '')],
    ['five segments', async () => `${await issuer.sign()}.AA.AA`],
    ['another issuer', async () => await issuer.sign({ claims: { iss: `${issuer.url}/` } })],
    ['no issuer', async () => await issuer.sign({ claims: { iss: undefined } })],
    ['more than 8 KiB', async () => await issuer.sign({ claims: { note: 'x'.repeat(6200) } })],
  ]
  for (const [what, make] of forged) {
    it(`is refused with ${what}`, async () => {
      assert.deepEqual(await connect(daemon, await make()), INVALID)
    })
  }

  it('cannot make the daemon ask the issuer for keys that nobody has', async () => {
    const asked = issuer.questions
    for (const kid of ['a', 'b', 'c']) {
      assert.deepEqual(await connect(daemon, await issuer.sign({ header: { kid } })), INVALID)
    }
    assert.equal(issuer.questions, asked)
  })
})

describe('callers of an issuer', { concurrency: true }, () => {
  it('end with their JWT, tunnels too, clocks that differ allowed for', async () => {
    await using issuer = await startIssuer()
    await using origin = await startTcpOrigin(echo)
    const clock = movableClock()
    await using daemon = await startTestDaemon({
      clock,
      env: {
        ...issuer.env,
        CODER_AIBRIDGE_PROXY_ALLOWED_PORTS: `443,${origin.port}`,
        CODER_AIBRIDGE_PROXY_ALLOWED_PRIVATE_CIDRS: '127.0.0.0/8,::1/128',
      },
    })
    const token = await issuer.sign({ expiresIn: 300 })
    const tunnel = await openConnect(daemon, origin.authority, { credentials: `x:${token}` })
    clock.skew = 5 * MINUTE + 30_000
    assert.deepEqual(await connect(daemon, token), ADMITTED)
    clock.skew = 6 * MINUTE + 1000
    await readToEnd(tunnel)
    tunnel.destroy()
    assert.deepEqual(await connect(daemon, token), INVALID)
  })

  it('are known by a new key at once, and by a withdrawn one no longer', async () => {
    await using issuer = await startIssuer()
    const clock = movableClock()
    await using daemon = await startTestDaemon({ clock, env: issuer.env })
    const old = await issuer.sign()
    assert.deepEqual(await connect(daemon, old), ADMITTED)
    await issuer.rotate()
    clock.skew = 31_000
    assert.deepEqual(await connect(daemon, await issuer.sign()), ADMITTED)
    assert.equal(issuer.questions, 2)
    assert.deepEqual(await connect(daemon, old), INVALID)
  })

  it('are let in by the last keys while it is down, for an hour', async () => {
    await using issuer = await startIssuer()
    const clock = movableClock()
    await using daemon = await startTestDaemon({ clock, env: issuer.env })
    const token = await issuer.sign({ expiresIn: 4 * 3600 })
    assert.deepEqual(await connect(daemon, token), ADMITTED)
    issuer.behaviour = { status: 500 }
    clock.skew = 59 * MINUTE
    assert.deepEqual(await connect(daemon, token), ADMITTED)
    clock.skew = 61 * MINUTE
    assert.deepEqual(await connect(daemon, token), UNAVAILABLE)
    issuer.behaviour = undefined
    clock.skew = 62 * MINUTE
    assert.deepEqual(await connect(daemon, token), ADMITTED)
  })

  it('are 503 when it never answered well, and stored tokens work all the same', async () => {
    await using issuer = await startIssuer()
    const clock = movableClock()
    await using daemon = await startTestDaemon({ clock, env: issuer.env })
    const token = await issuer.sign()
    const answers = [
      { status: 500 },
      { pieces: ['<html>'] },
      { pieces: ['{"issuer":"https://else.test"}'] },
      { pieces: [JSON.stringify({ issuer: issuer.url, jwks_uri: 'https://else.test/keys' })] },
      { pieces: [`{"issuer":"${'x'.repeat(2_000_000)}"}`] },
    ]
    for (const behaviour of answers) {
      issuer.behaviour = behaviour
      clock.skew += 31_000
      assert.deepEqual(await connect(daemon, token), UNAVAILABLE)
    }
    assert.deepEqual(await connect(daemon, daemon.token), ADMITTED)
    const details = daemon.events.flatMap(event =>
      event.type === 'connect_ended' && event.detail !== undefined ? [event.detail] : [],
    )
    for (const said of [/status 500/, /JSON/, /another issuer/, /another origin/, /too long/]) {
      assert.ok(
        details.some(detail => said.test(detail)),
        String(said),
      )
    }
  })

  it('are 503 when its certificate is of another CA', async () => {
    await using issuer = await startIssuer()
    const { certFile } = createPki('Stranger')
    const env = { ...issuer.env, CODER_AIBRIDGE_PROXY_OIDC_CA_FILE: certFile }
    await using daemon = await startTestDaemon({ env })
    assert.deepEqual(await connect(daemon, await issuer.sign()), UNAVAILABLE)
    assert.equal(issuer.questions, 0)
  })

  it('have the name and the groups that the options say, for the rules of the policy', async () => {
    await using issuer = await startIssuer()
    const dir = createPki('Files').dir
    const policy = join(dir, 'policy.yaml')
    writeFileSync(
      policy,
      'groups: {ci: []}\nrules:\n  - {members_of: ci, tunnels: deny}\n  - {user: "ci/ada@x.test", providers: []}\n',
    )
    await using daemon = await startTestDaemon({
      env: {
        ...issuer.env,
        CODER_AIBRIDGE_PROXY_OIDC_JWKS_URL: `${issuer.url}/keys`,
        CODER_AIBRIDGE_PROXY_OIDC_USER_CLAIM: 'email',
        CODER_AIBRIDGE_PROXY_OIDC_USER_PREFIX: 'ci/',
        CODER_AIBRIDGE_PROXY_OIDC_ALLOWED_USERS: 'eve@x.test,ada@*',
        CODER_AIBRIDGE_PROXY_OIDC_GROUPS_CLAIM: 'teams',
        CODER_AIBRIDGE_POLICY_FILE: policy,
      },
    })
    const reasonOf = async (claims: Record<string, unknown>, authority: string) => {
      const credentials = `x:${await issuer.sign({ claims: { email: 'eve@x.test', ...claims } })}`
      const { head, socket } = await connectThrough(daemon.proxy, authority, { credentials })
      socket.destroy()
      return head.header('x-aibridge-reason')
    }
    assert.equal(await reasonOf({ teams: ['ci', 1] }, '192.0.2.1:443'), 'tunnels_denied')
    assert.equal(await reasonOf({ teams: 'ci' }, '192.0.2.1:443'), 'tunnels_denied')
    assert.equal(await reasonOf({ teams: ['else'] }, '127.0.0.1:443'), 'loopback')
    assert.equal(await reasonOf({ email: 'ada@x.test' }, ANTHROPIC), 'provider_denied')
    // Whoever signs up may claim any address.
    for (const email_verified of [false, 'false', null]) {
      assert.equal(await reasonOf({ email_verified }, ANTHROPIC), 'auth_invalid')
    }
    assert.equal(await reasonOf({ email_verified: true }, ANTHROPIC), undefined)
    assert.equal(await reasonOf({}, ANTHROPIC), undefined)
    assert.equal(await reasonOf({ email: 'eve@x.test.evil' }, ANTHROPIC), 'auth_invalid')
  })

  it('keep their connections over a reload, unless the issuer is another then', async () => {
    await using issuer = await startIssuer()
    await using daemon = await startTestDaemon({ env: issuer.env })
    const token = await issuer.sign()
    const socket = await openIntercepted(daemon, { connect: { credentials: `x:${token}` } })
    await daemon.reload({ ...issuer.env, CODER_AIBRIDGE_RATE_LIMIT: '1000' })
    assert.deepEqual(await connect(daemon, token), ADMITTED)
    assert.equal(issuer.questions, 1)
    await daemon.reload({ ...issuer.env, CODER_AIBRIDGE_PROXY_OIDC_AUDIENCE: 'else' })
    await readToEnd(socket)
    socket.destroy()
    assert.deepEqual(await connect(daemon, token), INVALID)
    await daemon.reload({})
    assert.deepEqual(await connect(daemon, token), INVALID)
  })
})

/** A clock that a test can move. */
function movableClock(): Clock & { skew: number } {
  return {
    skew: 0,
    now() {
      return Date.now() + this.skew
    },
    monotonic() {
      return performance.now() + this.skew
    },
  }
}
