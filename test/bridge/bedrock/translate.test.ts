import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { translate } from '../../../src/bridge/bedrock/translate.ts'
import type { JsonObject } from '../../../src/bridge/usage/json-value.ts'

const SONNET = 'global.anthropic.claude-sonnet-4-5-20250929-v1:0'
const HAIKU = 'global.anthropic.claude-haiku-4-5-20251001-v1:0'
const VERSION = { anthropic_version: 'bedrock-2023-05-31' }

function bodyFor(request: JsonObject, betas: readonly string[] = [], model = SONNET): JsonObject {
  return translate(request, betas, { model, smallFastModel: HAIKU }).body
}

describe("a request in Bedrock's form", () => {
  for (const [asked, model] of [
    ['claude-opus-4-6', SONNET],
    ['claude-3-5-haiku-latest', HAIKU],
    [undefined, SONNET],
  ] as const) {
    it(`asks for ${model} where the client asks for ${asked}`, () => {
      const models = { model: SONNET, smallFastModel: HAIKU }
      const found = translate({ model: asked, stream: true }, [], models)
      assert.deepEqual(found, { model, stream: true, body: VERSION })
    })
  }

  it('keeps what it does not know, and the version of the client', () => {
    const request = { anthropic_version: 'bedrock-x', messages: [], tools: [{ new: 1 }] }
    assert.deepEqual(bodyFor(request), request)
  })

  it('leaves out what Bedrock refuses', () => {
    const fields = ['metadata', 'service_tier', 'container', 'inference_geo', 'stream', 'model']
    assert.deepEqual(bodyFor(Object.fromEntries(fields.map(name => [name, 1]))), VERSION)
  })

  const betas: readonly (readonly [model: string, headers: string[], kept: string[]])[] = [
    [SONNET, ['context-1m-2025-08-07, claude-code-20250219'], ['context-1m-2025-08-07']],
    [SONNET, ['context-management-2025-06-27'], ['context-management-2025-06-27']],
    [
      'x.claude-opus-4-5-x',
      ['context-management-2025-06-27', 'effort-2025-11-24'],
      ['effort-2025-11-24'],
    ],
    [SONNET, ['effort-2025-11-24', ''], []],
    [
      SONNET,
      ['tool-search-tool-2025-10-19', 'tool-search-tool-2025-10-19'],
      ['tool-search-tool-2025-10-19'],
    ],
  ]
  for (const [model, headers, kept] of betas) {
    it(`takes of the flags ${headers.join(' + ')} for ${model}: ${kept.join(', ') || 'none'}`, () => {
      const body = bodyFor({ output_config: {}, context_management: {} }, headers, model)
      assert.deepEqual(body['anthropic_beta'] ?? [], kept)
      assert.equal('output_config' in body, kept.includes('effort-2025-11-24'))
      assert.equal('context_management' in body, kept.includes('context-management-2025-06-27'))
    })
  }

  const adaptive = { type: 'adaptive' }
  const enabled = (budget: number): object => ({ type: 'enabled', budget_tokens: budget })
  const thinking: readonly (readonly [
    model: string,
    most: number | undefined,
    effort: string | undefined,
    expected: object,
  ])[] = [
    [SONNET, 10_000, undefined, enabled(8000)],
    [SONNET, 10_000, 'low', enabled(2000)],
    [SONNET, 10_000, 'medium', enabled(5000)],
    [SONNET, 10_000, 'high', enabled(8000)],
    [SONNET, 10_000, 'max', enabled(9500)],
    [SONNET, 1000, 'max', { type: 'disabled' }],
    [SONNET, undefined, 'low', adaptive],
    ['x.claude-sonnet-4-20250514-v1:0', 10_000, 'low', enabled(2000)],
    ['eu.anthropic.claude-opus-4-6-v1', 10_000, 'low', adaptive],
    ['eu.anthropic.claude-sonnet-5-20270101-v1:0', 10_000, 'low', adaptive],
    ['anthropic.claude-3-5-sonnet-20241022-v2:0', 10_000, 'low', enabled(2000)],
  ]
  for (const [model, most, effort, expected] of thinking) {
    it(`thinks ${JSON.stringify(expected)} on ${model} with ${most} tokens and effort ${effort}`, () => {
      const request = { thinking: adaptive, max_tokens: most, output_config: { effort } }
      assert.deepEqual(bodyFor(request, [], model)['thinking'], expected)
    })
  }

  it('leaves thinking alone that is not adaptive', () => {
    const given = { type: 'enabled', budget_tokens: 5 }
    assert.deepEqual(bodyFor({ thinking: given, max_tokens: 9 })['thinking'], given)
  })
})
