import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hasDotSegment, isListedAs, upstreamPath } from '../../src/bridge/path.ts'

describe('hasDotSegment', () => {
  const leaving = [
    '/v1/../../admin',
    '/v1/..',
    '/./x',
    '/%2e%2e/',
    '/%2E./x',
    '/a\\..\\b',
    '/v1/..;/x',
    '/v1/..;a=b/x',
    '/v1/.%2e/',
    '/v1/..%2fadmin',
    '/v1/..%5Cadmin',
    '/v1%2f..%2fadmin',
  ]
  for (const path of leaving) {
    it(`sees the step in ${path}`, () => assert.equal(hasDotSegment(path), true))
  }

  const staying = [
    '/v1/models/a%2Fb',
    '/v1/models/gpt-4.1',
    '/v1/...',
    '/.well-known/x',
    '/%252e%252e/',
    '/v1/x?next=/../',
    '/v1/..x',
  ]
  for (const path of staying) {
    it(`leaves ${path} alone`, () => assert.equal(hasDotSegment(path), false))
  }
})

describe('upstreamPath', () => {
  const cases: [prefix: '' | '/v1', base: string, path: string, expected: string][] = [
    ['/v1', '/v1', '/v1/responses', '/v1/responses'],
    ['/v1', '/openai/v1', '/v1/responses', '/openai/v1/responses'],
    ['/v1', '/openai/v1', '/openai/v1/responses', '/openai/v1/responses'],
    ['/v1', '/openai/v1', '/dashboard', '/openai/dashboard'],
    ['/v1', '', '/v1/responses', '/responses'],
    ['/v1', '', '/v1', '/'],
    ['/v1', '', '/v1?x', '/?x'],
    ['/v1', '/v1', '/v12/x', '/v12/x'],
    ['/v1', '/api', '/other', '/api/other'],
    ['', '', '/v1/messages?beta=true', '/v1/messages?beta=true'],
    ['', '/anthropic', '/v1/messages', '/anthropic/v1/messages'],
    ['', '/anthropic', '/anthropic/v1/messages', '/anthropic/v1/messages'],
    ['', '/anthropic', '/anthropics/x', '/anthropic/anthropics/x'],
    ['', '/v1', '/v1/models', '/v1/models'],
    ['/v1', '/v1', '/v1/models/a%2Fb?q=%20x', '/v1/models/a%2Fb?q=%20x'],
    ['/v1', '/openai/v1', '/openai/deployments/d/x?a=1', '/openai/deployments/d/x?a=1'],
    [
      '/v1',
      '/openai/deployments/d',
      '/v1/chat/completions',
      '/openai/deployments/d/chat/completions',
    ],
  ]
  for (const [routePrefix, basePath, path, expected] of cases) {
    it(`maps ${path} onto base "${basePath}" with prefix "${routePrefix}"`, () => {
      assert.equal(upstreamPath(path, { routePrefix, basePath, ownHost: false }), expected)
    })
  }

  it("leaves what is outside the prefix as it is on the provider's own host", () => {
    const mapping = { routePrefix: '/v1' as const, basePath: '/api', ownHost: true }
    assert.equal(upstreamPath('/other', mapping), '/other')
    assert.equal(upstreamPath('/v1/responses', mapping), '/api/responses')
  })
})

describe('isListedAs', () => {
  const rows: [entry: string, path: string, named: boolean][] = [
    ['/v1/models', '/v1/models', true],
    ['/v1/models', '/v1/models/x', false],
    ['/v1/models/', '/v1/models/x', true],
    ['/v1/models/', '/v1/models', false],
    ['/models/*:run', '/models/a:run', true],
    ['/models/*:run', '/models/:run', false],
    ['/models/*:run', '/models/a/b:run', false],
    ['/models/*:run', '/models/a:running', false],
    ['/model/*/invoke', '/model/a%2Fb:0/invoke', true],
    ['/model/*/invoke', '/model/invoke', false],
    ['/model/*/invoke', '/model//invoke', false],
  ]
  for (const [entry, path, named] of rows) {
    it(`says that ${entry} ${named ? 'names' : 'does not name'} ${path}`, () => {
      assert.equal(isListedAs(entry, path), named)
    })
  }
})
