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

test('no cell of the pages breaks its table', () => {
  const reasons = reasonsReference()
  for (const line of `${reasons}\n${metricsReference()}`.split('\n')) {
    if (line.startsWith('|')) assert.equal(line.split('|').length, 7, line)
  }
  for (const reason of Object.keys(REASONS))
    assert.ok(reasons.includes(`| \`${reason}\` |`), reason)
})
