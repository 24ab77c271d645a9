import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { anthropic } from '../../src/bridge/providers/anthropic.ts'
import { openai } from '../../src/bridge/providers/openai.ts'
import { route } from '../../src/bridge/route.ts'

const ofOpenai = { type: openai, basePath: '/v1', passthrough: 'all' as const }
const ofAnthropic = { type: anthropic, basePath: '', passthrough: 'all' as const }

describe('route', () => {
  it('bridges the listed endpoints, whatever the query', () => {
    assert.deepEqual(route('/v1/responses?x=1', 'GET', ofOpenai), {
      kind: 'bridged',
      listed: true,
      label: '/v1/responses',
      path: '/v1/responses?x=1',
    })
    assert.equal(route('/v1/messages', 'GET', ofAnthropic).kind, 'bridged')
  })

  it('passes listed paths and what lies below them through', () => {
    for (const path of ['/v1/models', '/v1/models/gpt-5', '/v1/responses/resp_1']) {
      const found = route(path, 'GET', ofOpenai)
      assert.ok(found.kind === 'passthrough' && found.listed, path)
    }
  })

  it('takes methods that could do harm for unlisted, and posts to models', () => {
    for (const [method, path] of [
      ['DELETE', '/v1/models/ft:gpt'],
      ['POST', '/v1/models/ft:gpt'],
      ['DELETE', '/v1/responses/resp_1'],
    ] as const) {
      const found = route(path, method, ofOpenai)
      assert.ok(found.kind === 'passthrough' && !found.listed, `${method} ${path}`)
    }
    const cancel = route('/v1/responses/resp_1/cancel', 'POST', ofOpenai)
    assert.ok(cancel.kind === 'passthrough' && cancel.listed)
    const count = route('/v1/messages/count_tokens', 'POST', ofAnthropic)
    assert.ok(count.kind === 'passthrough' && count.listed)
  })

  it("knows the endpoints under the provider's own base path, too", () => {
    const found = route('/openai/v1/responses?x', 'POST', { ...ofOpenai, basePath: '/openai/v1' })
    assert.deepEqual(found, {
      kind: 'bridged',
      listed: true,
      label: '/v1/responses',
      path: '/openai/v1/responses?x',
    })
  })

  it('passes unlisted paths through under a label of ours', () => {
    assert.deepEqual(route('/v1/files/secret-name', 'GET', ofOpenai), {
      kind: 'passthrough',
      listed: false,
      label: 'other',
      path: '/v1/files/secret-name',
    })
  })

  it('does not take a longer name for a listed one', () => {
    const found = route('/v1/responsesX', 'GET', ofOpenai)
    assert.ok(found.kind === 'passthrough' && !found.listed)
  })

  it('refuses unlisted paths where only listed ones are served', () => {
    const listed = { ...ofOpenai, passthrough: 'listed' as const }
    assert.deepEqual(route('/v1/files', 'GET', listed), {
      kind: 'refuse',
      reason: 'route_not_supported',
    })
    assert.equal(route('/v1/models', 'GET', listed).kind, 'passthrough')
  })

  it('refuses steps out of the base path', () => {
    assert.deepEqual(route('/v1/../admin', 'GET', ofOpenai), {
      kind: 'refuse',
      reason: 'dot_segment',
    })
  })
})
