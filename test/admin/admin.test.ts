import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { Check } from '../../src/admin/deps.ts'
import { respondStream } from '../../src/admin/respond.ts'
import type { Route } from '../../src/admin/route.ts'
import { PROMETHEUS_ROUTES, ROUTES, ROUTES_WITHOUT_METRICS } from '../../src/admin/routes.ts'
import { routesReference } from '../../src/admin/routes-reference.ts'
import { RESERVED_NAMES } from '../../src/config/providers/build.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { ADMIN, startAdmin, USER } from './support.ts'

const asUser = { headers: { 'Coder-Session-Token': USER } }
const asAdmin = { headers: { 'Coder-Session-Token': ADMIN } }

test('being alive is the word ok, whatever else is wrong', async t => {
  const { get } = await startAdmin(t, { readiness: () => [{ name: 'store', ok: false }] })
  const response = await get('/livez')
  assert.equal(response.status, 200)
  assert.equal(await response.text(), 'ok\n')
})

test('readiness is 200 when every check holds and 503 with the reason otherwise', async t => {
  let checks: Check[] = [{ name: 'ca', ok: true }]
  const { get } = await startAdmin(t, { readiness: () => checks })
  for (const path of ['/readyz', '/healthz']) {
    checks = [{ name: 'ca', ok: true }]
    const good = await get(path)
    assert.equal(good.status, 200)
    assert.deepEqual(await good.json(), { status: 'ok', checks })

    checks = [
      { name: 'ca', ok: true },
      { name: 'draining', ok: false, reason: 'draining' },
    ]
    const bad = await get(path)
    assert.equal(bad.status, 503)
    assert.deepEqual(await bad.json(), { status: 'unavailable', checks })
  }
})

test('a stream is not made for those who ask for its head alone', { timeout: 5000 }, async t => {
  let made = 0
  async function* endless(): AsyncGenerator<string> {
    for (;;) {
      made += 1
      yield await Promise.resolve('line\n')
    }
  }
  const handle: Route['handle'] = async ({ response }) =>
    await respondStream(response, 'text/plain', endless())
  const { get } = await startAdmin(t, {
    routes: [{ method: 'GET', path: '/stream', access: 'none', summary: '', handle }],
  })
  const answer = await get('/stream', { method: 'HEAD' })
  assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'text/plain'])
  assert.equal(made, 1)
})

test("the general API has Coder's shapes", async t => {
  const { get } = await startAdmin(t)
  const json = async (path: string, init?: RequestInit): Promise<unknown> =>
    (await get(path, init)).json()
  assert.deepEqual(await json('/api/v2/'), { message: '👋' })
  assert.deepEqual(await json('/api/v2/buildinfo', asUser), {
    agent_api_version: '',
    dashboard_url: '',
    deployment_id: 'b5a1c7de-0000-4000-8000-000000000000',
    external_url: '',
    provisioner_api_version: '',
    telemetry: false,
    upgrade_message: '',
    version: '1.2.3',
    webpush_public_key: '',
    workspace_proxy: false,
  })
  assert.deepEqual(await json('/api/v2/updatecheck', asUser), {
    current: true,
    url: '',
    version: '1.2.3',
  })
  assert.deepEqual(await json('/api/v2/experiments', asUser), [])
  assert.deepEqual(await json('/api/v2/experiments/available', asUser), [])
  assert.deepEqual(await json('/api/v2/deployment/config', asAdmin), { config: {}, options: [] })
})

test('users/me is the user of the token, with an id that stays the same', async t => {
  const { get } = await startAdmin(t)
  const me = async (init: RequestInit): Promise<unknown> =>
    (await get('/api/v2/users/me', init)).json()
  const common = {
    name: '',
    email: '',
    avatar_url: '',
    status: 'active',
    login_type: 'token',
    organization_ids: [],
  }
  assert.deepEqual(await me(asUser), {
    id: 'd5c8450f-58da-87f2-911d-fcbfb2b7a0e0',
    username: 'ada',
    ...common,
    roles: [],
  })
  const admin = await me(asAdmin)
  assert.partialDeepStrictEqual(admin, {
    username: 'root',
    ...common,
    roles: [{ name: 'owner', display_name: 'Owner' }],
  })
})

test('the certificates are all that is handed out of the file', async t => {
  const block = '-----BEGIN CERTIFICATE-----\nQUJD\nREVG\n-----END CERTIFICATE-----\n'
  const next = block.replace('QUJD', 'WFla')
  const file = `-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\nsubject=/CN=x\n${block}${next}`
  const { get } = await startAdmin(t, { caCertificate: () => file })
  for (const path of [
    '/api/v2/aibridge/proxy/ca-cert.pem',
    '/api/v2/ai-gateway/proxy/ca-cert.pem',
  ]) {
    const response = await get(path)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type'), 'application/x-pem-file')
    assert.equal(response.headers.get('content-disposition'), 'attachment; filename=ca-cert.pem')
    assert.equal(await response.text(), block + next)
  }
})

test('without a CA the certificate is 404', async t => {
  const { get } = await startAdmin(t)
  const response = await get('/api/v2/aibridge/proxy/ca-cert.pem')
  assert.equal(response.status, 404)
  assert.equal(await response.text(), 'MITM CA certificate not configured\n')
})

test('metrics are served where the table has them, and only there', async t => {
  using metrics = createMetrics({ version: '1.2.3', processMetrics: false })
  const own = await startAdmin(t, { metrics: () => metrics.scrape(), routes: PROMETHEUS_ROUTES })
  const page = await own.get('/metrics')
  assert.match(page.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  assert.match(await page.text(), /^aibridgeproxyd_build_info\{version="1\.2\.3"/m)
  assert.equal((await own.get('/livez')).status, 200)
  assert.equal((await own.get('/api/v2/buildinfo')).status, 404)

  const api = await startAdmin(t, { routes: ROUTES_WITHOUT_METRICS })
  assert.equal((await api.get('/metrics')).status, 404)
})

test('every answer forbids caching and sniffing', async t => {
  const { get } = await startAdmin(t)
  for (const path of [...ROUTES.map(route => route.path), '/nothing']) {
    const { headers } = await get(path, asAdmin)
    assert.equal(headers.get('cache-control'), 'no-store', path)
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path)
  }
})

test('HEAD has the head of GET; other methods are 405 and told what is allowed', async t => {
  const { get } = await startAdmin(t)
  const head = await get('/livez', { method: 'HEAD' })
  assert.equal(head.status, 200)
  assert.equal(head.headers.get('content-length'), '3')
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    const response = await get('/livez', { method })
    assert.equal(response.status, 405)
    assert.equal(response.headers.get('allow'), 'GET, HEAD')
    assert.deepEqual(await response.json(), { message: 'The method is not allowed here.' })
  }
})

const request = (line: string, ...headers: string[]): string =>
  [`${line} HTTP/1.1`, 'Host: localhost', ...headers, 'Connection: close', '', ''].join('\r\n')

for (const [line, status] of [
  ['GET /nothing', 404],
  ['GET /livez/', 404],
  ['GET //livez', 404],
  ['GET /x/../livez', 404],
  ['GET /livez%00', 404],
  ['GET /%6civez', 404],
  ['GET /livez?x=1', 200],
  ['GET /livez?/../../', 200],
  ['GET http://localhost/livez', 400],
  ['OPTIONS *', 400],
  ['BREW /livez', 400],
] as const) {
  test(`${line} is ${status}`, async t => {
    const { raw } = await startAdmin(t)
    assert.match(await raw(request(line)), new RegExp(`^HTTP/1.1 ${status} `))
  })
}

test('heads over the limits are 431, broken ones 400, and the connection is closed', async t => {
  const { raw } = await startAdmin(t)
  const big = await raw(request('GET /livez', `X: ${'x'.repeat(17_000)}`))
  assert.match(
    big,
    /^HTTP\/1\.1 431 .*Connection: close\r\n\r\n\{"message":"Request Header Fields/s,
  )
  const many = Array.from({ length: 101 }, (_, index) => `x${index}: 1`)
  assert.match(await raw(request('GET /livez', ...many)), /^HTTP\/1\.1 431 /)
  assert.match(await raw('hello\r\n\r\n'), /^HTTP\/1\.1 400 /)
  const misled = await raw('CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n')
  assert.match(misled, /^HTTP\/1\.1 405 [^]*port of the proxy/)
  assert.match(await raw(request('GET /livez', 'a b: c')), /^HTTP\/1\.1 400 /)
  assert.match(
    await raw(request('POST /livez', 'Content-Length: 3', 'Transfer-Encoding: chunked')),
    /^HTTP\/1\.1 400 /,
  )
  assert.match(await raw(request('GET /livez', 'Host: x')), /^HTTP\/1\.1 400 .*contradicting Host/s)
  assert.match(await raw(request('GET /livez', 'Expect: x')), /^HTTP\/1\.1 417 /)
  assert.match(
    await raw('GET /livez HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    /^HTTP\/1\.1 400 .*framing is ambiguous/s,
  )
})

test('a body is never read: too large is 413, and what follows is no second request', async t => {
  const { raw } = await startAdmin(t)
  assert.match(
    await raw('POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n'),
    /^HTTP\/1\.1 413 /,
  )
  const answer = await raw(
    'GET /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n',
  )
  assert.equal(answer.match(/HTTP\/1\.1/g)?.length, 1)
})

test('a head that does not arrive in time is 408', async t => {
  const { raw } = await startAdmin(t, {
    limits: { headBytes: 16_384, headCount: 100, headTimeoutMs: 100 },
  })
  assert.match(await raw('GET /livez HTTP/1.1\r\nHost: local'), /^HTTP\/1\.1 408 /)
})

test('a handler that fails is 500 for the client and an error for the operator', async t => {
  const { get, errors } = await startAdmin(t, {
    deploymentConfig: () => {
      throw new Error('canary')
    },
  })
  const response = await get('/api/v2/deployment/config', asAdmin)
  assert.equal(response.status, 500)
  assert.deepEqual(await response.json(), { message: 'Internal error.' })
  assert.match(String(errors[0]), /canary/)
})

test('an address in use is named with the option it came from', async t => {
  const { port } = await startAdmin(t)
  const second = await startAdmin(t)
  await second.admin[Symbol.asyncDispose]()
  await assert.rejects(second.admin.listen({ host: '127.0.0.1', port }), {
    name: 'ConfigurationError',
    message: new RegExp(
      `failed to listen on 127\\.0\\.0\\.1:${port} \\(CODER_HTTP_ADDRESS\\): .*EADDRINUSE`,
    ),
  })
})

test('closing does not wait for clients that send nothing', async t => {
  const { admin, port } = await startAdmin(t)
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write('GET /livez HTTP/1.1\r\n')
  const closed = new Promise(resolve => socket.on('close', resolve))
  await admin[Symbol.asyncDispose]()
  await closed
})

test('the page of routes is the one that the table makes', () => {
  const page = new URL('../../docs/reference/routes.md', import.meta.url)
  assert.equal(readFileSync(page, 'utf8'), routesReference())
})

test('no two routes share method and path', () => {
  const keys = ROUTES.map(route => `${route.method} ${route.path}`)
  assert.equal(new Set(keys).size, keys.length)
})

test('no provider may have the name of a route', () => {
  const names = ROUTES.flatMap(({ path }) => /^\/api\/v2\/aibridge\/([^/]+)/.exec(path)?.[1] ?? [])
  assert.deepEqual(
    names.filter(name => !RESERVED_NAMES.includes(name)),
    [],
  )
})
