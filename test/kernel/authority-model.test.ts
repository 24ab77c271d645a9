import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { parseAuthority, parseHostHeader } from '../../src/kernel/target.ts'
import { authorityByModel } from './authority-model.ts'

const PIECES = fc.constantFrom(
  ...'aZ0159x-_.:[]%@/\\?#* \t\0\r\n\u00e4\u00ff'.split(''),
  ...':: ffff 127.0.0.1 example.com :443 0x 255 65535 xn--'.split(' '),
)
const word = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...'abXZ019-_'.split('')), minLength, maxLength })
const WORD = fc.oneof(
  word(1, 8),
  word(60, 66),
  fc.constantFrom('0x1f', '1', '001', '256', '99', '-'),
)
const NAME = fc.array(WORD, { minLength: 1, maxLength: 5 }).map(words => words.join('.'))
const IPV6 = fc
  .array(fc.constantFrom('0', '1', 'dB8', '00ff', '', '1.2.3.4', 'fffff'), {
    minLength: 1,
    maxLength: 9,
  })
  .map(groups => `[${groups.join(':')}]`)
const PORT = fc.oneof(
  fc.integer({ min: 1, max: 65_535 }).map(String),
  fc.constantFrom('0', '65536', '99999', '0443', '+1', '', '443 '),
)
const NEARLY = fc
  .tuple(
    fc.oneof(
      NAME,
      IPV6,
      fc.ipV4(),
      fc.ipV6().map(text => `[${text}]`),
    ),
    PORT,
  )
  .map(([host, port]) => `${host}:${port}`)
/** Something right with one thing wrong. */
const SPOILT = fc.tuple(NEARLY, fc.nat(60), fc.nat(2), PIECES).map(([text, at, cut, piece]) => {
  const place = at % (text.length + 1)
  return text.slice(0, place) + piece + text.slice(place + cut)
})
/** As Node's HTTP parser gives them. */
const BYTE = fc.nat(255).map(byte => String.fromCharCode(byte))
const TEXT = fc.oneof(
  NEARLY,
  SPOILT,
  fc.array(PIECES, { maxLength: 12 }).map(parts => parts.join('')),
  fc.string({ unit: BYTE, maxLength: 40 }),
)

const accepted = (text: string): string | undefined => {
  const parsed = parseAuthority(text)
  return parsed.ok ? parsed.target.text : undefined
}

describe('parseAuthority and a model of its own', () => {
  it('agree on what is refused and on the one spelling of the rest', () => {
    fc.assert(
      fc.property(TEXT, text => assert.equal(accepted(text), authorityByModel(text))),
      { numRuns: 3000 },
    )
  })

  it('agree at the lengths of labels and names', () => {
    for (const length of [1, 62, 63, 64]) {
      for (const count of [1, 2, 3, 4, 5]) {
        for (const last of ['a', 'ab', `${'a'.repeat(60)}z`, `${'a'.repeat(61)}z`]) {
          const text = `${`${'x'.repeat(length)}.`.repeat(count - 1)}${last}:1`
          assert.equal(accepted(text), authorityByModel(text), text)
        }
      }
    }
  })

  it('agree that what is accepted parses to itself', () => {
    fc.assert(
      fc.property(TEXT, text => {
        const parsed = parseAuthority(text)
        if (parsed.ok) assert.deepEqual(parseAuthority(parsed.target.text), parsed)
      }),
      { numRuns: 1000 },
    )
  })

  it('agree on Host headers, whose port may be missing', () => {
    fc.assert(
      fc.property(fc.oneof(NAME, IPV6, TEXT), text => {
        const parsed = parseHostHeader(text, 80)
        const expected = authorityByModel(text) ?? authorityByModel(`${text}:80`)
        assert.equal(parsed.ok ? parsed.target.text : undefined, expected)
      }),
      { numRuns: 1000 },
    )
  })
})
