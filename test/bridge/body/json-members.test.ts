import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { JsonMembers, type Member } from '../../../src/bridge/body/json-members.ts'

function scan(
  text: string | Buffer,
  size = Number.POSITIVE_INFINITY,
): readonly Member[] | undefined {
  const bytes = Buffer.from(text)
  const members = new JsonMembers()
  for (let i = 0; i < bytes.length; i += size) members.write(bytes.subarray(i, i + size))
  return members.end()
}

describe('members of a JSON object', () => {
  it('are found where JSON.parse finds them, however the text is cut and spaced', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary', maxLength: 20 }), fc.jsonValue(), { maxKeys: 8 }),
        fc.constantFrom(undefined, 1, '\t'),
        fc.integer({ min: 1, max: 9 }),
        (object, space, size) => {
          const bytes = Buffer.from(` ${JSON.stringify(object, null, space)}\n`)
          const found = scan(bytes, size) ?? []
          assert.deepEqual(found.map(({ name }) => name).sort(), Object.keys(object).sort())
          for (const { name, start, end } of found) {
            const value: unknown = JSON.parse(bytes.toString('utf8', start, end))
            assert.deepEqual(value, JSON.parse(JSON.stringify(object[name])))
          }
        },
      ),
    )
  })

  it('are told in their order, and twice when they are there twice', () => {
    assert.deepEqual(
      scan('{"a":1,"t\\u006fols":[2],"a":{}}')?.map(({ name }) => name),
      ['a', 'tools', 'a'],
    )
    assert.deepEqual(scan('{}'), [])
  })

  const unreadable = [
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
    `${'{"a":'.repeat(600)}1${'}'.repeat(600)}`,
    '\ufeff{"model":"a"}',
  ]
  for (const body of unreadable) {
    it(`are not there in ${JSON.stringify(body.slice(0, 40))}`, () => {
      for (const size of [1, 1000]) assert.equal(scan(body, size), undefined)
    })
  }

  it('are found in nothing that JSON.parse does not read', () => {
    const mutated = fc
      .tuple(fc.json(), fc.nat(), fc.constantFrom(...'{}[]",:\\0-e. \n\u0001x'.split('')))
      .map(([value, at, char]) => {
        const body = `{"model":"m","rest":${value}}`
        const place = at % body.length
        return body.slice(0, place) + char + body.slice(place + 1)
      })
    fc.assert(
      fc.property(mutated, body => {
        if (scan(body) !== undefined) assert.doesNotThrow(() => void JSON.parse(body))
      }),
      { numRuns: 1000 },
    )
  })
})
