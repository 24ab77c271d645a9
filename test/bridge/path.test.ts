import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hasDotSegment, upstreamPath } from '../../src/bridge/path.ts'

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
  ]
  for (const [routePrefix, basePath, path, expected] of cases) {
    it(`maps ${path} onto base "${basePath}" with prefix "${routePrefix}"`, () => {
      assert.equal(upstreamPath(path, { routePrefix, basePath }), expected)
    })
  }
})
