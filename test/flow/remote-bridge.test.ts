import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { firstHeader, headerValues } from '../../src/kernel/headers.ts'
import { PLACEHOLDER_KEY } from '../../src/kernel/provider.ts'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import {
  CODER_TOKEN,
  type Deployment,
  headerLines,
  startDeployment,
  viaLine,
} from '../support/deployment.ts'
import type { Behaviour, Exchange } from '../support/provider-exchange.ts'
import { readHead, readToEnd } from '../support/raw-client.ts'
import { ANTHROPIC, OPENAI, openIntercepted } from './ai-world.ts'
import { type Answer, exchangeOn, get, post, readAnswer } from './wire.ts'

const HOST = 'api.anthropic.com'
const connect = { credentials: `grace:${CODER_TOKEN}` }

let deployment: Deployment
let daemon: TestDaemon
let behaviour: Behaviour = {}

before(async () => {
  deployment = await startDeployment({ bridge: () => ({ pieces: ['{}'], ...behaviour }) })
  daemon = await startTestDaemon({ env: deployment.env })
})
after(async () => {
  await daemon[Symbol.asyncDispose]()
  await deployment[Symbol.asyncDispose]()
})

/** One request on a connection of its own, and what the deployment saw of it. */
async function ask(
  request: Buffer,
  answer: Behaviour = {},
): Promise<{ answer: Answer; exchange: Exchange }> {
  behaviour = answer
  const seen = deployment.calls.length
  const socket = await openIntercepted(daemon, { authority: ANTHROPIC, connect })
  const got = await exchangeOn(socket, request)
  socket.destroy()
  const exchange = deployment.calls[seen]
  assert.ok(exchange, got.text)
  return { answer: got, exchange }
}

describe('a call in remote mode', () => {
  it('goes to the deployment under the name of its provider, path and query as they were', async () => {
    const path = '/v1/messages?beta=true&x=%2F%zz&&'
    const { answer, exchange } = await ask(post(path, HOST, '{"a":1}'))
    assert.equal(answer.status, 200)
    assert.equal(exchange.path, `/api/v2/aibridge/anthropic${path}`)
    assert.equal(exchange.request.text, '{"a":1}')
    for (const odd of ['/v1//messages', '/v1/a%20b+c', '/v1/files/%252e', '/unlisted?']) {
      assert.equal((await ask(get(odd, HOST))).exchange.path, `/api/v2/aibridge/anthropic${odd}`)
    }
  })

  it('has exactly these headers where the client leaves the key to the deployment', async () => {
    const sent = ['anthropic-version: 2023-06-01', 'X-Dup: 1', 'x-dup: 2', 'Connection: X-Hop']
    const theirs = ['X-Hop: y', 'Proxy-X: y', 'Cookie: a=b', `X-Api-Key: ${PLACEHOLDER_KEY}`]
    const { exchange } = await ask(post('/v1/messages', HOST, '{}', [...sent, ...theirs]))
    const { callId } = await lastCall()
    assert.deepEqual(headerLines(exchange.rawHeaders), [
      `Host: localhost:${deployment.stub.port}`,
      'Content-Type: application/json',
      'Content-Length: 2',
      'anthropic-version: 2023-06-01',
      'X-Dup: 1',
      'x-dup: 2',
      `Authorization: Bearer ${CODER_TOKEN}`,
      `X-Coder-AI-Governance-Request-Id: ${callId}`,
      viaLine(exchange.rawHeaders),
      'Connection: keep-alive',
    ])
    assert.match(callId, /^[0-9a-f]{8}-[0-9a-f]{4}-4/)
  })

  const centralised: readonly (readonly [what: string, headers: readonly string[]])[] = [
    ['nothing', []],
    ['the token as bearer', [`authorization: bearer ${CODER_TOKEN}`]],
    ['the token as key', [`X-Api-Key: ${CODER_TOKEN}`]],
    ["another caller's governance token", ['X-Coder-AI-Governance-Token: stolen-0123456789']],
  ]
  for (const [what, headers] of centralised) {
    it(`names the caller of the CONNECT where the client sends ${what}`, async () => {
      const { exchange } = await ask(post('/v1/messages', HOST, '{}', headers))
      assert.deepEqual(headerValues(exchange.rawHeaders, 'authorization'), [
        `Bearer ${CODER_TOKEN}`,
      ])
      for (const name of ['x-api-key', 'x-coder-ai-governance-token']) {
        assert.deepEqual(headerValues(exchange.rawHeaders, name), [])
      }
      const { credential, credentialHint } = await lastCall()
      assert.deepEqual([credential, credentialHint], ['centralized', undefined])
    })
  }

  for (const [name, value] of [
    ['Authorization', 'Bearer sk-mine-0123456789'],
    ['X-Api-Key', 'sk-mine-0123456789'],
  ] as const) {
    it(`names the caller beside the client's own key in ${name}`, async () => {
      const forged = 'x-coder-ai-governance-token: stolen-0123456789'
      const { exchange } = await ask(
        post('/v1/messages', HOST, '{}', [`${name}: ${value}`, forged]),
      )
      assert.deepEqual(headerValues(exchange.rawHeaders, name.toLowerCase()), [value])
      assert.deepEqual(headerValues(exchange.rawHeaders, 'x-coder-ai-governance-token'), [
        CODER_TOKEN,
      ])
      const { credential, credentialHint, user } = await lastCall()
      assert.deepEqual([credential, credentialHint, user], ['byok', 'sk...89', 'grace'])
    })
  }

  it('names the caller on paths that get no key here, too', async () => {
    const { exchange } = await ask(get('/v1/files', HOST))
    assert.equal(firstHeader(exchange.rawHeaders, 'authorization'), `Bearer ${CODER_TOKEN}`)
  })

  it('has the name that Coder gives to the plan of a Copilot host', async () => {
    const authority = 'api.business.githubcopilot.com:443'
    const socket = await openIntercepted(daemon, { authority, connect })
    await exchangeOn(socket, get('/models', 'api.business.githubcopilot.com'))
    socket.destroy()
    assert.equal(deployment.calls.at(-1)?.path, '/api/v2/aibridge/copilot-business/models')
  })

  it('is refused where it would leave the place of its provider', async () => {
    const socket = await openIntercepted(daemon, { connect })
    for (const path of ['/../x', '/v1/%2e%2e/%2e%2e/users/me', '/..%2f..%2fdeployment/config']) {
      const answer = await exchangeOn(socket, get(path, HOST))
      assert.deepEqual(
        [answer.status, answer.head.header('x-aibridge-reason')],
        [400, 'dot_segment'],
      )
    }
    socket.destroy()
  })

  it('is followed by a log line and metrics, and by no row of ours', async () => {
    await ask(post('/v1/messages', HOST, '{}'))
    const { route, status, outcome, bytesUp, bytesDown } = await lastCall()
    assert.deepEqual(
      [route, status, outcome, bytesUp, bytesDown],
      ['/v1/messages', 200, 'completed', 2, 2],
    )
    assert.equal(await daemon.ask('countCalls', {}), 0)
  })
})

describe('an answer of the deployment', () => {
  for (const status of [400, 401, 403, 404, 429, 500, 502, 503, 529]) {
    it(`goes back as it is: ${status}`, async () => {
      const { answer } = await ask(post('/v1/messages', HOST, '{}'), {
        status,
        pieces: ['{"message":"theirs"}'],
        headers: { 'retry-after': '7', 'x-ratelimit-limit': '3' },
      })
      assert.deepEqual([answer.status, answer.text], [status, '{"message":"theirs"}'])
      assert.equal(answer.head.header('retry-after'), '7')
      assert.equal(answer.head.header('x-aibridge-reason'), undefined)
    })
  }

  it('streams: what was sent first arrives before the rest is written', async () => {
    behaviour = { pieces: ['data: 1\n\n', 'data: 2\n\n'], stallAfter: 1 }
    const arriving = deployment.stub.nextExchange()
    const socket = await openIntercepted(daemon, { connect })
    socket.write(post('/v1/messages', HOST, '{"stream":true}'))
    const exchange = await arriving
    await readHead(socket)
    const [first] = await once(socket, 'data')
    assert.match(String(first), /data: 1/)
    assert.equal(exchange.outcome, 'open')
    const left = performance.now()
    socket.destroy()
    await deployment.stub.ended(exchange)
    assert.ok(performance.now() - left < 1000, 'the abort reaches the deployment')
    assert.equal((await lastCall()).outcome, 'aborted')
  })

  it('keeps its trailers', async () => {
    const { answer } = await ask(post('/v1/messages', HOST, '{}'), {
      pieces: ['a', 'b'],
      trailers: { 'x-sum': '1' },
    })
    assert.deepEqual([answer.text, answer.trailers], ['ab', ['x-sum', '1']])
  })

  it('that breaks off looks broken', async () => {
    behaviour = { pieces: ['a', 'b', 'c'], cutAfter: 2 }
    const socket = await openIntercepted(daemon, { connect })
    socket.write(post('/v1/messages', HOST, '{}'))
    await readHead(socket)
    assert.doesNotMatch(String(await readToEnd(socket)), /0\r\n\r\n$/)
    assert.equal((await lastCall()).outcome, 'failed')
  })

  it('waits for the body of a client that expects 100 Continue', async () => {
    behaviour = {}
    const socket = await openIntercepted(daemon, { connect })
    const request = post('/v1/messages', HOST, '{"x":1}', ['Expect: 100-continue'])
    socket.write(request.subarray(0, -7))
    assert.equal((await readHead(socket)).status, 100)
    socket.write(request.subarray(-7))
    assert.equal((await readAnswer(socket)).status, 200)
    assert.equal(deployment.calls.at(-1)?.request.text, '{"x":1}')
    socket.destroy()
  })

  it('may be a WebSocket', async () => {
    const socket = await openIntercepted(daemon, { authority: OPENAI, connect })
    const webSocket = new WebSocket('wss://api.openai.com/v1/responses', {
      createConnection: () => socket,
    })
    await once(webSocket, 'open')
    webSocket.send(JSON.stringify({ type: 'response.create', model: 'm', input: 'x' }))
    const [message] = await once(webSocket, 'message')
    assert.match(String(message), /response/)
    const exchange = deployment.calls.at(-1)
    assert.equal(exchange?.path, '/api/v2/aibridge/openai/v1/responses')
    assert.equal(firstHeader(exchange.rawHeaders, 'authorization'), `Bearer ${CODER_TOKEN}`)
    webSocket.terminate()
  })
})

/** The event of the latest call; waits for its end. */
async function lastCall(): Promise<Awaited<ReturnType<typeof callEnded>>> {
  const started = daemon.events.filter(event => event.type === 'call_started').at(-1)
  return await callEnded(started?.type === 'call_started' ? started.callId : '')
}

function callEnded(callId: string) {
  return daemon.event('call_ended', event => event.callId === callId)
}
