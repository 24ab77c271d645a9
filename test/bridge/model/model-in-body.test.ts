import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { JsonMembers } from '../../../src/bridge/body/json-members.ts'
import { modelInBody } from '../../../src/bridge/model/model-in-body.ts'

function modelIn(text: string, size = Number.POSITIVE_INFINITY): string | undefined {
  const bytes = Buffer.from(text)
  const members = new JsonMembers()
  const pieces: Buffer[] = []
  for (let i = 0; i < bytes.length; i += size) pieces.push(bytes.subarray(i, i + size))
  for (const piece of pieces) members.write(piece)
  return modelInBody(members.end(), pieces)
}

describe('the model that a body names', () => {
  const found: readonly (readonly [body: string, name: string])[] = [
    ['{"model":"gpt-5"}', 'gpt-5'],
    [' {\n"messages" : [{"model":"inner"}], "model" : "outer" } ', 'outer'],
    ['{"a":{"model":"x"},"b":"\\"model\\":","model":"y","n":-1.5e+3,"t":[true,null]}', 'y'],
    ['{"mod\\u0065l":"esc\\u0061ped"}', 'escaped'],
    ['{"MODEL":"as Go reads it"}', 'as Go reads it'],
    ['{"model":"ünï"}', 'ünï'],
  ]
  for (const [body, name] of found) {
    it(`is found in ${body.trim()}, however it is cut`, () => {
      for (const size of [1, 3, 1000]) assert.equal(modelIn(body, size), name)
    })
  }

  const unknown = [
    '{"model":"a","model":"b"}',
    '{"model":"a","Model":"b"}',
    '{"model":"a","mod\\u0065l":"b"}',
    '{"model":1}',
    '{"model":null}',
    '{"model":["a"]}',
    '{"model":"a","Models":["b"]}',
    '{"model":"a","modelId":"b"}',
    '{"model":"a","context_window_fallbacks":[{"a":["b"]}]}',
    '{"model":"a","Engine":"b"}',
    '{"model":"a","x\\nmodel":"b"}',
    '{"model":"a"',
    `{"model":"${'x'.repeat(2000)}"}`,
  ]
  for (const body of unknown) {
    it(`is not told by ${JSON.stringify(body.slice(0, 40))}`, () => {
      assert.throws(() => modelIn(body), { reason: 'model_unknown' })
    })
  }

  it('is undefined where there is none', () => {
    assert.equal(modelIn('{"a":{"model":"b"},"c":"model"}'), undefined)
    assert.equal(modelIn('{}'), undefined)
  })
})
