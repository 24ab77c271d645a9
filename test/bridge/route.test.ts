import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { anthropic } from '../../src/bridge/providers/anthropic.ts'
import { azure } from '../../src/bridge/providers/azure.ts'
import { chatgpt } from '../../src/bridge/providers/chatgpt.ts'
import { google } from '../../src/bridge/providers/google.ts'
import { openai } from '../../src/bridge/providers/openai.ts'
import { isReading, route } from '../../src/bridge/route.ts'

const all = { passthrough: 'all', ownHost: false } as const
const ofOpenai = { type: openai, basePath: '/v1', ...all }
const ofAnthropic = { type: anthropic, basePath: '', ...all }

describe('route', () => {
  it('bridges the listed endpoints, whatever the query', () => {
    assert.deepEqual(route('/v1/responses?x=1', 'GET', ofOpenai), {
      kind: 'bridged',
      listed: true,
      label: '/v1/responses',
      format: 'openai-responses',
      path: '/v1/responses?x=1',
    })
    assert.equal(route('/v1/messages', 'GET', ofAnthropic).kind, 'bridged')
  })

  it('passes through what only reads from a bridged endpoint', () => {
    const found = route('/v1/chat/completions', 'GET', { ...ofOpenai, reads: true })
    assert.ok(found.kind === 'passthrough' && found.listed && found.format === undefined)
    const list = { method: 'GET', headers: [], upgrade: false }
    assert.equal(isReading(list), true)
    // A WebSocket, a body that somebody may read all the same, and what a model is asked.
    assert.equal(isReading({ ...list, upgrade: true }), false)
    assert.equal(isReading({ ...list, headers: ['Content-Length', '9'] }), false)
    assert.equal(isReading({ ...list, method: 'POST' }), false)
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
      format: 'openai-responses',
      path: '/openai/v1/responses?x',
    })
  })

  it('passes unlisted paths through under a label of ours', () => {
    assert.deepEqual(route('/v1/files/secret-name', 'GET', ofOpenai), {
      kind: 'passthrough',
      listed: false,
      label: 'other',
      format: undefined,
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

  const calls: [what: string, given: Parameters<typeof route>[2], path: string, seen: string][] = [
    [
      "Google's model",
      { type: google, basePath: '', ...all },
      '/v1beta/models/gemini-3:streamGenerateContent?alt=sse',
      '/v1beta/models/*:streamGenerateContent gemini /v1beta/models/gemini-3:streamGenerateContent?alt=sse',
    ],
    [
      "Azure's deployment",
      { type: azure, basePath: '/openai/v1', ...all },
      '/openai/deployments/d/chat/completions?api-version=2025-01-01',
      '/v1/deployments/*/chat/completions openai-chat /openai/deployments/d/chat/completions?api-version=2025-01-01',
    ],
    [
      "Azure's older base",
      { type: azure, basePath: '/openai', ...all },
      '/openai/v1/responses',
      '/v1/responses openai-responses /openai/v1/responses',
    ],
    [
      "Azure's base with a deployment",
      { type: azure, basePath: '/openai/deployments/d', ...all },
      '/v1/chat/completions?api-version=x',
      '/v1/chat/completions openai-chat /openai/deployments/d/chat/completions?api-version=x',
    ],
    [
      'Codex by its base-URL route',
      { type: chatgpt, basePath: '/backend-api/codex', ...all },
      '/v1/responses',
      '/v1/responses openai-responses /backend-api/codex/responses',
    ],
    [
      'Codex on its own host',
      { type: chatgpt, basePath: '/backend-api/codex', ...all, ownHost: true },
      '/backend-api/codex/responses',
      '/v1/responses openai-responses /backend-api/codex/responses',
    ],
  ]
  for (const [what, given, path, seen] of calls) {
    it(`bridges ${what}`, () => {
      const found = route(path, 'POST', given)
      assert.ok(found.kind === 'bridged')
      assert.equal([found.label, found.format, found.path].join(' '), seen)
    })
  }

  it('leaves every path of ChatGPT as it is, even where only listed ones are served', () => {
    const codex = { type: chatgpt, basePath: '/backend-api/codex', ...all } as const
    for (const ownHost of [true, false]) {
      const found = route('/backend-api/wham/x', 'GET', {
        ...codex,
        ownHost,
        passthrough: 'listed',
      })
      assert.ok(found.kind === 'passthrough' && !found.listed)
      assert.equal(found.path, '/backend-api/wham/x')
    }
    const found = route('/v1/x', 'GET', { ...codex, ownHost: true })
    assert.equal('path' in found && found.path, '/v1/x')
  })

  it("puts Google's key on counting tokens and reading models, and on no other post", () => {
    const ofGoogle = { type: google, basePath: '', ...all }
    for (const [method, path, listed] of [
      ['POST', '/v1beta/models/g:countTokens', true],
      ['GET', '/v1beta/models/g', true],
      ['POST', '/v1beta/models/g', false],
      ['POST', '/v1beta/models/g:predict', false],
      ['POST', '/v1beta/files', false],
    ] as const) {
      const found = route(path, method, ofGoogle)
      assert.ok(found.kind === 'passthrough')
      assert.equal(found.listed, listed, `${method} ${path}`)
    }
  })
})
