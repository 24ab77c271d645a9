import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { JsonScan } from '../../../src/bridge/model/json-scan.ts'

function scan(text: string | Buffer, size = Number.POSITIVE_INFINITY) {
  const bytes = Buffer.from(text)
  const scanner = new JsonScan('model')
  for (let i = 0; i < bytes.length; i += size) scanner.write(bytes.subarray(i, i + size))
  return scanner.end()
}

const model = (text: string) => ({ kind: 'text', text })

describe('looking for the model in a body', () => {
  const found: readonly (readonly [body: string, name: string])[] = [
    ['{"model":"gpt-5"}', 'gpt-5'],
    [' {\n"messages" : [{"model":"inner"}], "model" : "outer" } ', 'outer'],
    ['{"a":{"model":"x"},"b":"\\"model\\":","model":"y","n":-1.5e+3,"t":[true,null]}', 'y'],
    ['{"mod\\u0065l":"esc\\u0061ped"}', 'escaped'],
    ['{"MODEL":"as Go reads it"}', 'as Go reads it'],
    ['{"model":"ünï"}', 'ünï'],
  ]
  for (const [body, name] of found) {
    it(`finds it in ${body.trim()}, however it is cut`, () => {
      for (const size of [1, 3, 1000]) assert.deepEqual(scan(body, size), model(name))
    })
  }

  const unreadable = [
    '{"model":"a","model":"b"}',
    '{"model":"a","Model":"b"}',
    '{"model":"a","mod\\u0065l":"b"}',
    '{"model":1}',
    '{"model":null}',
    '{"model":["a"]}',
    '{"model":"a"}{"model":"b"}',
    '{"model":"a"',
    '{"model":"a",}',
    '{"model":"a" /* */}',
    "{'model':'a'}",
    '{model:"a"}',
    '{"model":"a\nb"}',
    '{"model":"\\x"}',
    '{"model":"a","n":01}',
    '{"model":"a","n":NaN}',
    '{"model":"a"]',
    '["model","a"]',
    '"model"',
    '',
    'model=a',
    `{"model":"${'x'.repeat(2000)}"}`,
    `${'{"a":'.repeat(600)}1${'}'.repeat(600)}`,
    '\ufeff{"model":"a"}',
  ]
  for (const body of unreadable) {
    it(`does not read ${JSON.stringify(body.slice(0, 40))}`, () => {
      assert.deepEqual(scan(body), { kind: 'unreadable' })
    })
  }

  it('says when there is none', () => {
    assert.deepEqual(scan('{"a":{"model":"b"},"c":"model"}'), { kind: 'absent' })
    assert.deepEqual(scan('{}'), { kind: 'absent' })
  })

  it('reads what JSON.parse reads, and nothing that it does not', () => {
    fc.assert(
      fc.property(fc.json(), fc.string(), fc.nat(7), (value, name, size) => {
        const body = `{"before":${value},"model":${JSON.stringify(name)},"after":${value}}`
        assert.deepEqual(scan(body, size + 1), model(name))
      }),
    )
    const mutated = fc
      .tuple(fc.json(), fc.nat(), fc.constantFrom(...'{}[]",:\\0-e. \n\u0001x'.split('')))
      .map(([value, at, char]) => {
        const body = `{"model":"m","rest":${value}}`
        const place = at % body.length
        return body.slice(0, place) + char + body.slice(place + 1)
      })
    fc.assert(
      fc.property(mutated, body => {
        if (scan(body).kind !== 'unreadable') assert.doesNotThrow(() => void JSON.parse(body))
      }),
      { numRuns: 1000 },
    )
  })

  it('takes megabytes in slices that hold nobody up', () => {
    const bytes = Buffer.from(`{"messages":"${'x'.repeat(8 << 20)}","model":"m"}`)
    const scanner = new JsonScan('model')
    let longest = 0
    for (let i = 0; i < bytes.length; i += 65_536) {
      const began = performance.now()
      scanner.write(bytes.subarray(i, i + 65_536))
      longest = Math.max(longest, performance.now() - began)
    }
    assert.deepEqual(scanner.end(), model('m'))
    assert.ok(longest < 50, `${longest} ms`)
  })
})
