import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MetricRow } from '../../src/observe/metric-row.ts'
import { METRICS } from '../../src/observe/metric-table.ts'
import { metricsFor, parseExposition, samples } from './support.ts'

test('every metric of the table is on the page, with its type and help', async t => {
  const { body, contentType } = await metricsFor(t).scrape()
  assert.match(contentType, /^text\/plain; version=0\.0\.4/)
  for (const row of Object.values<MetricRow>(METRICS)) {
    assert.ok(body.includes(`# TYPE ${row.name} ${row.type}\n`), row.name)
    assert.ok(body.includes(`# HELP ${row.name} `), row.name)
  }
})

test('names follow the conventions of Prometheus', () => {
  const rows = Object.values<MetricRow>(METRICS)
  assert.equal(new Set(rows.map(row => row.name)).size, rows.length)
  for (const { name, type } of rows) {
    assert.match(name, /^(coder_aibridge(proxy)?d|aibridgeproxyd)_[a-z0-9_]+$/)
    assert.equal(name.endsWith('_total'), type === 'counter', name)
  }
})

test('what others count is read at every scrape', async t => {
  const metrics = metricsFor(t)
  let drops = 3
  metrics.setSources({
    caExpiresAt: () => 1_800_000_000_000,
    openConnections: () => 7,
    logDrops: () => drops,
  })
  await metrics.scrape()
  drops = 5
  const found = await samples(metrics)
  assert.equal(found.get('aibridgeproxyd_ca_expiry_timestamp_seconds'), 1_800_000_000)
  assert.equal(found.get('aibridgeproxyd_open_connections'), 7)
  assert.equal(found.get('aibridgeproxyd_log_drops_total'), 5)
  assert.equal(found.get(`aibridgeproxyd_build_info{version="1.2.3",node="${process.version}"}`), 1)
})

test('a blocked event loop shows in its delay', async t => {
  const metrics = metricsFor(t)
  const turn = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 15))
  await turn()
  await metrics.scrape()
  // The first sample after a scrape only sets the clock.
  await turn()
  await turn()
  for (const end = performance.now() + 100; performance.now() < end; );
  await turn()
  const delay = (await samples(metrics)).get('aibridgeproxyd_event_loop_delay_p99_seconds')
  assert.ok(delay !== undefined && delay > 0.05 && delay < 5, String(delay))
})

test('a reload replaces the providers', async t => {
  const metrics = metricsFor(t)
  metrics.setProviders([{ name: 'old', type: 'openai' }])
  metrics.setProviders([{ name: 'new', type: 'anthropic' }])
  const names = [...(await samples(metrics)).keys()].filter(name => name.includes('provider_info'))
  assert.deepEqual(names, [
    'coder_aibridgeproxyd_provider_info{provider_name="new",provider_type="anthropic",status="enabled"}',
  ])
})

test('a metric that would grow beyond its budget counts the rest under other', async t => {
  const metrics = metricsFor(t, { maxSeries: 10 })
  for (let i = 0; i < 1000; i += 1) metrics.count('mitmRequests', { provider: `p${i}` })
  metrics.count('mitmRequests', { provider: 'p3' })
  const found = await samples(metrics)
  const ours = [...found].filter(([name]) => name.startsWith('coder_aibridgeproxyd_mitm_requests'))
  assert.equal(ours.length, 11)
  assert.equal(found.get('coder_aibridgeproxyd_mitm_requests_total{provider="p3"}'), 2)
  assert.equal(found.get('coder_aibridgeproxyd_mitm_requests_total{provider="other"}'), 990)
})

test('a gauge that overflowed its budget comes back to zero', async t => {
  const metrics = metricsFor(t, { maxSeries: 2 })
  const providers = ['a', 'b', 'c', 'd']
  for (const provider of providers) metrics.shift('mitmInflight', { provider }, 1)
  for (const provider of providers) metrics.shift('mitmInflight', { provider }, -1)
  const found = await samples(metrics)
  for (const [name, value] of found) {
    if (name.includes('inflight_mitm')) assert.equal(value, 0, name)
  }
})

test('label values with quotes, backslashes and line ends stay one sample', async t => {
  const metrics = metricsFor(t)
  metrics.count('mitmRequests', { provider: 'a"b\\c\nd' })
  const found = await samples(metrics)
  assert.equal(found.get('coder_aibridgeproxyd_mitm_requests_total{provider="a\\"b\\\\c\\nd"}'), 1)
})

test('the metrics of the process are on the page unless switched off', async t => {
  const page = parseExposition((await metricsFor(t, { processMetrics: true }).scrape()).body)
  assert.ok((page.get('process_resident_memory_bytes') ?? 0) > 1e6)
})
