import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Event } from '../../src/kernel/event.ts'
import { REASONS } from '../../src/kernel/reasons.ts'
import { createObserver } from '../../src/observe/observer.ts'
import type { LogFile } from './support.ts'
import { callEnded, connectEnded, logToFile, metricsFor, samples } from './support.ts'

function observe(t: TestContext, events: readonly Event[]) {
  const log = logToFile(t)
  const metrics = metricsFor(t)
  const emit = createObserver({ log: log.logger, metrics })
  for (const event of events) emit(event)
  return { log, metrics, emit }
}

async function withoutTime(log: LogFile): Promise<Record<string, unknown>[]> {
  return (await log.lines()).map(({ time, ...rest }) => {
    assert.equal(typeof time, 'string')
    return rest
  })
}

test('a tunnel leaves one line and its bytes', async t => {
  const { log, metrics } = observe(t, [
    { type: 'connect_started', connectId: 'c1', kind: 'tunneled' },
    connectEnded(),
  ])
  assert.deepEqual(await withoutTime(log), [
    {
      level: 'info',
      connect_id: 'c1',
      started_at: '2026-11-21T00:00:00.000Z',
      duration_ms: 12.35,
      peer: '127.0.0.1:50000',
      method: 'CONNECT',
      target: 'example.com:443',
      user: 'ada',
      token_id: 't1',
      outcome: 'tunneled',
      status: 200,
      route: 'direct',
      address: '93.184.215.14',
      bytes_up: 100,
      bytes_down: 2000,
      msg: 'tunnel ended',
    },
  ])
  const found = await samples(metrics)
  assert.equal(found.get('coder_aibridgeproxyd_connect_sessions_total{type="tunneled"}'), 1)
  assert.equal(found.get('aibridgeproxyd_requests_total{outcome="tunneled"}'), 1)
  assert.equal(found.get('aibridgeproxyd_tunnel_bytes_total{direction="up"}'), 100)
  assert.equal(found.get('aibridgeproxyd_tunnel_bytes_total{direction="down"}'), 2000)
})

test('a bridged call leaves one line and the metrics of the bridge', async t => {
  const route = '/v1/responses'
  const { log, metrics } = observe(t, [
    { type: 'call_started', callId: 'k1', provider: 'openai', route },
    { type: 'call_started', callId: 'k2', provider: 'openai', route },
    callEnded(),
  ])
  const [line, ...others] = await withoutTime(log)
  assert.deepEqual(others, [])
  assert.equal(line?.['msg'], 'call completed')
  assert.equal(line?.['credential_hint'], 'sk-a...wxyz')

  const found = await samples(metrics)
  const expected = {
    'coder_aibridgeproxyd_mitm_requests_total{provider="openai"}': 2,
    'coder_aibridgeproxyd_inflight_mitm_requests{provider="openai"}': 1,
    'coder_aibridgeproxyd_mitm_responses_total{code="200",provider="openai"}': 1,
    'coder_aibridged_interceptions_inflight{provider="openai",route="/v1/responses"}': 1,
    'coder_aibridged_interceptions_total{provider="openai",status="completed",route="/v1/responses",method="POST",initiator_id="ada",client="Codex"}': 1,
    'coder_aibridged_interceptions_duration_seconds_bucket{le="2",provider="openai"}': 0,
    'coder_aibridged_interceptions_duration_seconds_bucket{le="5",provider="openai"}': 1,
    aibridgeproxyd_call_overhead_seconds_sum: 0.0008,
    'aibridgeproxyd_call_first_byte_seconds_count{provider="openai"}': 1,
  }
  for (const [name, value] of Object.entries(expected)) assert.equal(found.get(name), value, name)
})

test('an answer of 400 or more, or one that was cut, counts as failed', async t => {
  const { metrics } = observe(t, [
    callEnded({ status: 529 }),
    callEnded({ outcome: 'aborted' }),
    callEnded({ outcome: 'failed', reason: 'provider_broken', status: 502 }),
  ])
  const failed = [...(await samples(metrics))].filter(([name]) => name.includes('status="failed"'))
  assert.deepEqual(
    failed.map(([, value]) => value),
    [3],
  )
})

test('a call that is passed through counts as such and not as an interception', async t => {
  const { metrics } = observe(t, [
    callEnded({ kind: 'passthrough', route: 'other', method: 'GET' }),
  ])
  const found = await samples(metrics)
  const name = 'coder_aibridged_passthrough_total{provider="openai",route="other",method="GET"}'
  assert.equal(found.get(name), 1)
  assert.deepEqual(
    [...found.keys()].filter(key => key.startsWith('coder_aibridged_interceptions_total')),
    [],
  )
})

test('methods and statuses that a client can invent do not become labels', async t => {
  const { metrics } = observe(t, [
    callEnded({ method: 'M-SEARCH', kind: 'passthrough', status: 99 }),
    callEnded({ method: 'PROPFIND', status: 1000 }),
  ])
  const text = [...(await samples(metrics)).keys()].join('\n')
  assert.match(text, /passthrough_total\{[^}]*method="other"/)
  assert.match(text, /interceptions_total\{[^}]*method="other"/)
  assert.match(text, /mitm_responses_total\{code="other"/)
  assert.doesNotMatch(text, /SEARCH|PROPFIND|"99"|"1000"/)
})

test('a refusal has the level of its reason, and is counted by it', async t => {
  for (const reason of ['auth_missing', 'private', 'internal'] as const) {
    const { log, metrics } = observe(t, [
      connectEnded({
        outcome: 'refused',
        reason,
        status: REASONS[reason].status,
        detail: '10.0.0.1',
      }),
    ])
    const [line] = await log.lines()
    assert.equal(line?.['level'], REASONS[reason].level)
    assert.equal(line?.['msg'], 'request refused')
    assert.equal(line?.['detail'], '10.0.0.1')
    const found = await samples(metrics)
    assert.equal(found.get(`aibridgeproxyd_refusals_total{reason="${reason}"}`), 1)
  }
})

test('leaves, cache hits, TLS failures and client errors are counted', async t => {
  const { log, metrics } = observe(t, [
    { type: 'leaf_minted', host: 'api.openai.com', durationMs: 0.3, expiresAt: 0 },
    { type: 'leaf_cache_hit' },
    { type: 'leaf_cache_hit' },
    connectEnded({ outcome: 'mitm', tlsFailure: 'cert_rejected' }),
    { type: 'client_error', peer: '127.0.0.1:1', reason: 'request_malformed', detail: 'HPE' },
  ])
  const found = await samples(metrics)
  assert.equal(found.get('aibridgeproxyd_leaf_mints_total'), 1)
  assert.equal(found.get('aibridgeproxyd_leaf_mint_duration_seconds_count'), 1)
  assert.equal(found.get('aibridgeproxyd_leaf_cache_hits_total'), 2)
  assert.equal(found.get('aibridgeproxyd_tls_failures_total{code="cert_rejected"}'), 1)
  assert.equal(found.get('aibridgeproxyd_client_errors_total{reason="request_malformed"}'), 1)
  assert.deepEqual(
    (await log.lines()).map(line => line['msg']),
    ['leaf minted', 'intercepted connection ended', 'client error'],
  )
})

test('of a flood of refusals ten lines a second are written, and the rest is counted', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let now = 0
  const log = logToFile(t)
  const metrics = metricsFor(t)
  const clock = { now: () => 0, monotonic: () => now }
  const emit = createObserver({ log: log.logger, metrics, clock })
  const refused = connectEnded({ outcome: 'refused', reason: 'auth_invalid', status: 407 })
  for (let i = 0; i < 10_000; i += 1) emit(refused)
  emit({ type: 'client_error', peer: '', reason: 'request_malformed', detail: undefined })
  emit(connectEnded())
  now = 1000
  t.mock.timers.tick(1000)
  emit(refused)

  const lines = await withoutTime(log)
  assert.equal(lines.length, 14)
  assert.deepEqual(lines[12], {
    level: 'warn',
    reason: 'auth_invalid',
    suppressed: 9990,
    msg: 'log lines suppressed',
  })
  assert.equal(lines[13]?.['reason'], 'auth_invalid')
  const found = await samples(metrics)
  assert.equal(found.get('aibridgeproxyd_refusals_total{reason="auth_invalid"}'), 10_001)
})

test('an observer whose log and metrics are broken never throws', t => {
  const broken = (): never => {
    throw new Error('broken')
  }
  const log = { debug: broken, info: broken, warn: broken, error: broken }
  const metrics = { ...metricsFor(t), count: broken, shift: broken, observe: broken }
  const emit = createObserver({ log, metrics })
  emit(connectEnded())
  emit(callEnded({ outcome: 'refused', reason: 'no_credential' }))
})

test('metrics that fail do not take the log line with them', async t => {
  const log = logToFile(t)
  const emit = createObserver({ log: log.logger, metrics: metricsFor(t) })
  emit(connectEnded({ bytesUp: -1 }))
  assert.deepEqual(
    (await log.lines()).map(line => line['msg']),
    ['event could not be observed', 'tunnel ended'],
  )
})
