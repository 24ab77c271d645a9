import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { readElement, readElements } from '../../src/ca/der-reader.ts'
import { encoded, integer, octetString, sequence, toDer } from '../../src/ca/der-writer.ts'
import { makeAuthority, temporaryDirectory } from './fixtures.ts'

test('what is written is read back, at every length', () => {
  for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
    const bytes = Buffer.alloc(length, 0xa5)
    const element = readElement(toDer(octetString(bytes)))
    assert.equal(element.tag, 0x04)
    assert.ok(bytes.equals(element.contents))
  }
})

test('DER that exists already goes in byte for byte', () => {
  const inner = toDer(sequence(integer(5), octetString(Buffer.of(0, 255, 128))))
  assert.deepEqual(toDer(encoded(inner)), inner)
  assert.deepEqual(toDer(sequence(encoded(inner))).subarray(2), inner)
})

test('a certificate that is cut anywhere is not read', async t => {
  const { certificate } = await makeAuthority(await temporaryDirectory(t))
  for (let end = 0; end < certificate.raw.length; end++) {
    assert.throws(() => readElement(certificate.raw.subarray(0, end)), RangeError)
  }
})

test('the reader ends on any bytes, with elements or a RangeError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), bytes => {
      try {
        const total = readElements(bytes).reduce((sum, element) => sum + element.whole.length, 0)
        assert.equal(total, bytes.length)
      } catch (error) {
        assert.ok(error instanceof RangeError)
      }
    }),
  )
})
