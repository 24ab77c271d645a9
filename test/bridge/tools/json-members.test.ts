import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { JsonMembers } from '../../../src/bridge/tools/json-members.ts'

function scan(bytes: Buffer, cuts: readonly number[] = []): JsonMembers {
  const members = new JsonMembers()
  let from = 0
  for (const cut of [...cuts.map(place => place % (bytes.length + 1)), bytes.length].sort(
    (a, b) => a - b,
  )) {
    members.push(bytes.subarray(from, cut))
    from = cut
  }
  return members
}

describe('members of a JSON object', () => {
  it('are found where JSON.parse finds them, however the text is cut and spaced', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary', maxLength: 20 }), fc.jsonValue(), { maxKeys: 8 }),
        fc.constantFrom(undefined, 1, '\t'),
        fc.array(fc.nat(), { maxLength: 6 }),
        (object, space, cuts) => {
          const bytes = Buffer.from(` ${JSON.stringify(object, null, space)}\n`)
          const found = scan(bytes, cuts).end()
          assert.deepEqual([...(found?.keys() ?? [])].sort(), Object.keys(object).sort())
          for (const [name, { start, end }] of found ?? []) {
            const value: unknown = JSON.parse(bytes.toString('utf8', start, end))
            assert.deepEqual(value, JSON.parse(JSON.stringify(object[name])))
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('never throws for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        scan(Buffer.from(bytes)).end()
      }),
    )
  })

  for (const text of ['', '[]', '"{}"', '{', '{"a":1', '{"a":[1}', '{}x', 'null', '{"a":{}']) {
    it(`are not there in ${JSON.stringify(text)}`, () => {
      assert.equal(scan(Buffer.from(text)).end(), undefined)
    })
  }

  it('are told when one of them is there twice, escapes or not', () => {
    const members = scan(Buffer.from('{"tools":[],"n":1,"t\\u006fols":[2]}'))
    assert.equal(members.isRepeated('tools'), true)
    assert.equal(members.isRepeated('n'), false)
  })
})
