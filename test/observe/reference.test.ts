import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { REASONS } from '../../src/kernel/reasons.ts'
import { metricsReference } from '../../src/observe/metrics-reference.ts'
import { reasonsReference } from '../../src/observe/reasons-reference.ts'

const page = (name: string): string =>
  readFileSync(new URL(`../../docs/reference/${name}.md`, import.meta.url), 'utf8')

test('the page of metrics is the one that the table makes', () => {
  assert.equal(page('metrics'), metricsReference())
})

test('the page of reason codes is the one that the table makes', () => {
  assert.equal(page('reasons'), reasonsReference())
})

test('the alerts speak of metrics and reasons that there are', () => {
  const alerts = readFileSync(
    new URL('../../deploy/prometheus/alerts.yml', import.meta.url),
    'utf8',
  )
  const named = [...alerts.matchAll(/\b(?:coder_)?aibridge(?:d|proxyd)_\w+/g)].map(([name]) => name)
  const table = metricsReference()
  assert.ok(named.length > 10)
  for (const name of named) assert.ok(table.includes(`| \`${name}\` |`), name)
  const codes = [...alerts.matchAll(/\breason=~"([^"]+)"/g)].flatMap(([, list = '']) =>
    list.split('|'),
  )
  assert.ok(codes.length > 0)
  for (const code of codes) assert.ok(code in REASONS, code)
})

test('no cell of the pages breaks its table', () => {
  const reasons = reasonsReference()
  for (const line of `${reasons}\n${metricsReference()}`.split('\n')) {
    if (line.startsWith('|')) assert.equal(line.split('|').length, 7, line)
  }
  for (const reason of Object.keys(REASONS))
    assert.ok(reasons.includes(`| \`${reason}\` |`), reason)
})
