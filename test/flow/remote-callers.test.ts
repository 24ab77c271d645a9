import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Clock } from '../../src/kernel/clock.ts'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import {
  CODER_TOKEN,
  type Deployment,
  headerLines,
  remoteEnv,
  startDeployment,
  viaLine,
} from '../support/deployment.ts'
import { echo, startTcpOrigin } from '../support/origin.ts'
import { createPki } from '../support/pki.ts'
import { connectThrough, readHead, readToEnd } from '../support/raw-client.ts'
import {
  ANTHROPIC,
  OPENAI,
  openConnect,
  openIntercepted,
  providersEnv,
  startAiWorld,
} from './ai-world.ts'
import { rowOf } from './rows.ts'
import { exchangeOn, post } from './wire.ts'

const HOST = 'api.anthropic.com'
const credentials = `grace:${CODER_TOKEN}`
const TIMEOUT = { timeout: 20_000 }

/** What a CONNECT is answered. */
async function tryConnect(
  { proxy }: TestDaemon,
  who: string,
): Promise<{ status: number; reason: string | undefined }> {
  const { head, socket } = await connectThrough(proxy, ANTHROPIC, { credentials: who })
  socket.destroy()
  return { status: head.status, reason: head.header('x-aibridge-reason') }
}

function askApi({ api }: TestDaemon, path: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${api.port}/api/v2/${path}`, {
    headers: { 'Coder-Session-Token': CODER_TOKEN },
  })
}

async function readiness({ api }: TestDaemon): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${api.port}/readyz`)
  return { status: response.status, text: await response.text() }
}

/** A clock whose monotonic side a test can move. */
function movableClock(): Clock & { skew: number } {
  return {
    skew: 0,
    now: () => Date.now(),
    monotonic() {
      return performance.now() + this.skew
    },
  }
}

describe('callers in remote mode', () => {
  let deployment: Deployment
  let daemon: TestDaemon
  before(async () => {
    deployment = await startDeployment()
    daemon = await startTestDaemon({ env: deployment.env })
  })
  after(async () => {
    await daemon[Symbol.asyncDispose]()
    await deployment[Symbol.asyncDispose]()
  })

  it('are the users of the deployment, asked about by their token alone', async () => {
    assert.equal((await tryConnect(daemon, credentials)).status, 200)
    assert.equal((await tryConnect(daemon, credentials)).status, 200)
    const { rawHeaders } = deployment.questions[0] ?? assert.fail()
    assert.deepEqual(headerLines(rawHeaders), [
      `Host: localhost:${deployment.stub.port}`,
      'Accept: application/json',
      'User-Agent: aibridgeproxyd',
      `Coder-Session-Token: ${CODER_TOKEN}`,
      viaLine(rawHeaders),
      'Connection: keep-alive',
    ])
    assert.equal(deployment.questions.length, 1)
    const ended = await daemon.event('connect_ended')
    assert.deepEqual([ended.user, ended.tokenId?.slice(0, 7)], ['grace', 'remote-'])
    assert.doesNotMatch(JSON.stringify(daemon.events), new RegExp(CODER_TOKEN.slice(0, 10)))
  })

  it('are 407 when it does not know their token, also for tunnels', async () => {
    const asked = deployment.questions.length
    const stranger = 'eve:0123456789-0123456789012345678901'
    assert.deepEqual(await tryConnect(daemon, stranger), { status: 407, reason: 'auth_invalid' })
    const { head, socket } = await connectThrough(daemon.proxy, 'example.com:443', {
      credentials: stranger,
    })
    socket.destroy()
    assert.equal(head.status, 407)
    assert.equal(deployment.questions.length, asked + 1)
  })

  it('are known to our own API as well, and never as administrators', async () => {
    assert.match(await (await askApi(daemon, 'users/me')).text(), /"username":"grace"/)
    assert.equal((await askApi(daemon, 'deployment/config')).status, 403)
  })

  it('that this daemon knows itself are not asked about', async () => {
    const asked = deployment.questions.length
    assert.equal((await tryConnect(daemon, daemon.credentials)).status, 200)
    assert.equal(deployment.questions.length, asked)
  })
})

describe('callers of a deployment that changes its mind or goes away', {
  concurrency: true,
}, () => {
  it('see nothing of a namesake whose calls are in the books here', async () => {
    await using deployment = await startDeployment()
    deployment.users.set(CODER_TOKEN, 'ada')
    await using world = await startAiWorld()
    const { daemon } = world
    const socket = await openIntercepted(daemon)
    await exchangeOn(socket, post('/v1/messages', HOST, '{}'))
    socket.destroy()
    await rowOf(world, (await daemon.event('call_ended')).callId)
    const hosts = { type: 'anthropic', url: world.provider.url }
    await daemon.reload({ ...deployment.env, ...providersEnv(hosts) })
    for (const path of ['aibridge/interceptions', 'ai-gateway/sessions', 'aibridge/models']) {
      const answer = await askApi(daemon, path)
      assert.equal(answer.status, 403, path)
      assert.match(await answer.text(), /records are kept by the deployment/)
    }
    assert.equal((await askApi(daemon, 'users/me')).status, 200)
  })

  it(
    'lose their connections, tunnels too, within the time they are remembered',
    TIMEOUT,
    async () => {
      await using deployment = await startDeployment({
        bridge: () => ({ pieces: ['a', 'b'], stallAfter: 1 }),
      })
      await using origin = await startTcpOrigin(echo)
      const clock = movableClock()
      await using daemon = await startTestDaemon({
        clock,
        env: {
          ...deployment.env,
          CODER_AIBRIDGE_PROXY_ALLOWED_PORTS: `443,${origin.port}`,
          CODER_AIBRIDGE_PROXY_ALLOWED_PRIVATE_CIDRS: '127.0.0.0/8,::1/128',
        },
      })
      const stream = await openIntercepted(daemon, { connect: { credentials } })
      stream.write(post('/v1/messages', HOST, '{}'))
      const tunnel = await openConnect(daemon, origin.authority, { credentials })
      deployment.users.clear()
      clock.skew = 60_000
      await Promise.all([readToEnd(stream), readToEnd(tunnel)])
      assert.equal((await tryConnect(daemon, credentials)).status, 407)
      tunnel.destroy()
    },
  )

  it('are 503 while it cannot be asked, which readiness says too', async () => {
    const deployment = await startDeployment()
    await deployment[Symbol.asyncDispose]()
    await using daemon = await startTestDaemon({ env: deployment.env })
    assert.deepEqual(await tryConnect(daemon, credentials), {
      status: 503,
      reason: 'auth_unavailable',
    })
    const ended = await daemon.event('connect_ended')
    assert.match(ended.detail ?? '', /^the deployment cannot be asked: bridge_unreachable.*REFUSED/)
    assert.equal((await askApi(daemon, 'users/me')).status, 503)
    const { status, text } = await readiness(daemon)
    assert.equal(status, 503)
    assert.match(text, /"deployment","ok":false,"reason":"deployment_unreachable"/)
  })

  it('are 503 when it answers nonsense or not at all', TIMEOUT, async () => {
    let asked = 0
    await using deployment = await startDeployment({
      api: () => ((asked += 1) === 1 ? { pieces: ['<html>'] } : { stallAfter: 0 }),
    })
    await using daemon = await startTestDaemon({ env: deployment.env })
    assert.equal((await tryConnect(daemon, credentials)).reason, 'auth_unavailable')
    const late = tryConnect(daemon, credentials)
    assert.equal((await askApi(daemon, 'users/me')).status, 503)
    assert.equal((await late).reason, 'auth_unavailable')
    assert.equal(asked, 2, 'one question for both')
    assert.match((await readiness(daemon)).text, /"deployment","ok":true/)
  })
})

describe('a deployment that cannot be used', { concurrency: true }, () => {
  const call = async (daemon: TestDaemon, authority = ANTHROPIC) => {
    const socket = await openIntercepted(daemon, { authority })
    const path = authority === ANTHROPIC ? '/v1/messages' : '/v1/responses'
    const answer = await exchangeOn(socket, post(path, authority.slice(0, -':443'.length), '{}'))
    socket.destroy()
    const error: unknown = JSON.parse(answer.text).error
    return { status: answer.status, reason: answer.head.header('x-aibridge-reason'), error }
  }

  it('is 502 in the dialect of the provider when it refuses connections', async () => {
    const deployment = await startDeployment()
    await deployment[Symbol.asyncDispose]()
    await using daemon = await startTestDaemon({ env: deployment.env })
    const anthropic = await call(daemon)
    assert.deepEqual([anthropic.status, anthropic.reason], [502, 'bridge_unreachable'])
    assert.deepEqual(Object.keys(anthropic.error as object), ['type', 'message'])
    const openai = await call(daemon, OPENAI)
    assert.deepEqual(
      [openai.status, (openai.error as { code: string }).code],
      [502, 'bridge_unreachable'],
    )
    const ended = await daemon.event('call_ended')
    assert.deepEqual([ended.outcome, ended.reason], ['failed', 'bridge_unreachable'])
  })

  it('is 502 without a byte to it when its certificate is of another CA', async () => {
    await using deployment = await startDeployment()
    await using daemon = await startTestDaemon({
      env: {
        ...deployment.env,
        CODER_AIBRIDGE_PROXY_TARGET_CA: createPki('Stranger').certFile,
      },
    })
    assert.equal((await call(daemon)).reason, 'bridge_tls')
    assert.equal((await tryConnect(daemon, credentials)).reason, 'auth_unavailable')
    assert.equal(deployment.stub.exchanges.length, 0)
  })

  it('is 504 when it does not begin to answer, and 502 when it breaks off', async () => {
    let behaviour = { stallAfter: 0 } as object
    await using deployment = await startDeployment({ bridge: () => behaviour })
    await using daemon = await startTestDaemon({
      env: { ...deployment.env, CODER_AIBRIDGE_PROXY_FIRST_BYTE_TIMEOUT: '200ms' },
    })
    const late = await call(daemon)
    assert.deepEqual([late.status, late.reason], [504, 'bridge_timeout'])
    await daemon.reload(deployment.env)
    behaviour = { cutAfter: 0 }
    const broken = await call(daemon)
    assert.deepEqual([broken.status, broken.reason], [502, 'bridge_broken'])
  })

  it('is asked through the upstream proxy alone, for calls and callers', async () => {
    const heads: string[] = []
    await using upstream = await startTcpOrigin(socket => {
      void readHead(socket).then(({ startLine }) => {
        heads.push(startLine)
        socket.end('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n')
      })
    })
    await using deployment = await startDeployment()
    await using daemon = await startTestDaemon({
      env: {
        ...deployment.env,
        CODER_AIBRIDGE_PROXY_UPSTREAM: `http://127.0.0.1:${upstream.port}`,
      },
    })
    assert.equal((await call(daemon)).reason, 'bridge_unreachable')
    assert.equal((await tryConnect(daemon, credentials)).reason, 'auth_unavailable')
    const connect = `CONNECT localhost:${deployment.stub.port} HTTP/1.1`
    assert.deepEqual(heads, [connect, connect])
    assert.equal(deployment.stub.connections, 0)
  })

  it('is this daemon itself: refused', async () => {
    await using first = await startTestDaemon()
    const { port } = first.api
    await first.reload(remoteEnv(`http://127.0.0.1:${port}`))
    assert.equal((await call(first)).reason, 'bridge_unreachable')
    assert.match((await first.event('call_ended')).detail ?? '', /daemon itself/)
  })

  it('may have a target of its own beside its API', async () => {
    await using api = await startDeployment()
    await using bridge = await startDeployment({ bridge: () => ({ pieces: ['{}'] }) })
    await using daemon = await startTestDaemon({
      env: {
        ...api.env,
        CODER_AIBRIDGE_PROXY_TARGET: `${bridge.url}/api/v2/aibridge/deep/`,
      },
    })
    const socket = await openIntercepted(daemon, { connect: { credentials } })
    await exchangeOn(socket, post('/v1/messages', HOST, '{}'))
    socket.destroy()
    assert.equal(api.questions.length, 1)
    assert.deepEqual(
      bridge.calls.map(({ path }) => path),
      ['/api/v2/aibridge/deep/anthropic/v1/messages'],
    )
    assert.equal(api.calls.length + bridge.questions.length, 0)
  })
})
