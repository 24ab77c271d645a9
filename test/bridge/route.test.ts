import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { anthropic } from '../../src/bridge/providers/anthropic.ts'
import { openai } from '../../src/bridge/providers/openai.ts'
import { route } from '../../src/bridge/route.ts'

const ofOpenai = { type: openai, basePath: '/v1', passthrough: 'all' as const }
const ofAnthropic = { type: anthropic, basePath: '', passthrough: 'all' as const }

describe('route', () => {
  it('bridges the listed endpoints, whatever the query', () => {
    assert.deepEqual(route('/v1/responses?x=1', ofOpenai), {
      kind: 'bridged',
      listed: true,
      label: '/v1/responses',
      path: '/v1/responses?x=1',
    })
    assert.equal(route('/v1/messages', ofAnthropic).kind, 'bridged')
  })

  it('passes listed paths and what lies below them through', () => {
    for (const path of ['/v1/models', '/v1/models/gpt-5', '/v1/responses/resp_1']) {
      const found = route(path, ofOpenai)
      assert.ok(found.kind === 'passthrough' && found.listed, path)
    }
  })

  it('passes unlisted paths through under a label of ours', () => {
    assert.deepEqual(route('/v1/files/secret-name', ofOpenai), {
      kind: 'passthrough',
      listed: false,
      label: 'other',
      path: '/v1/files/secret-name',
    })
  })

  it('does not take a longer name for a listed one', () => {
    const found = route('/v1/responsesX', ofOpenai)
    assert.ok(found.kind === 'passthrough' && !found.listed)
  })

  it('refuses unlisted paths where only listed ones are served', () => {
    const listed = { ...ofOpenai, passthrough: 'listed' as const }
    assert.deepEqual(route('/v1/files', listed), { kind: 'refuse', reason: 'route_not_supported' })
    assert.equal(route('/v1/models', listed).kind, 'passthrough')
  })

  it('refuses steps out of the base path', () => {
    assert.deepEqual(route('/v1/../admin', ofOpenai), { kind: 'refuse', reason: 'dot_segment' })
  })
})
