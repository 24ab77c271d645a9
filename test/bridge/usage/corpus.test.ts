import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Answer } from '../../../src/bridge/tap/answer.ts'
import { codingsOf } from '../../../src/bridge/tap/decode-body.ts'
import { TAP_LIMITS } from '../../../src/bridge/tap/limits.ts'
import { framingOf } from '../../../src/bridge/usage/format.ts'
import { Memory } from '../../../src/kernel/memory.ts'
import type { ResponseFacts } from '../../../src/kernel/usage.ts'
import type { Case } from '../../fixtures/providers/case.ts'
import { corpus } from '../../fixtures/providers/corpus.ts'

/** Two pieces, split at `at`; and then in pieces of a few bytes each. */
const EVERY_BYTE_UP_TO = 700
const STRIDE = 7

function read(one: Case, chunks: readonly Buffer[]): ResponseFacts {
  const memory = new Memory(TAP_LIMITS.processBytes)
  const codings = codingsOf(one.encoding === undefined ? [] : ['Content-Encoding', one.encoding])
  const framing = framingOf(one.format, one.type)
  const answer = new Answer(
    one.format,
    { status: one.status, framing, codings },
    memory,
    TAP_LIMITS,
  )
  for (const chunk of chunks) answer.push(chunk)
  const facts = answer.end(one.complete)
  assert.equal(memory.held, 0, 'memory is given back')
  return facts
}

function pieces(body: Buffer, size: number): Buffer[] {
  const count = Math.ceil(body.length / size)
  return Array.from({ length: count }, (_, i) => body.subarray(i * size, (i + 1) * size))
}

describe('the corpus', () => {
  it('has at least 150 answers, each with a name of its own', () => {
    assert.ok(corpus.length >= 150, `${corpus.length}`)
    assert.equal(new Set(corpus.map(one => one.name)).size, corpus.length)
  })

  for (const one of corpus) {
    it(one.name, () => {
      assert.deepEqual(read(one, [one.body]), one.truth, 'whole')
      if (one.encoding !== undefined) {
        assert.deepEqual(read(one, pieces(one.body, 1000)), one.truth, 'in pieces')
        return
      }
      const stride = one.body.length <= EVERY_BYTE_UP_TO ? 1 : STRIDE
      for (let at = 1; at < one.body.length; at += stride) {
        const split = [one.body.subarray(0, at), one.body.subarray(at)]
        assert.deepEqual(read(one, split), one.truth, `split at ${at}`)
      }
      for (const size of [1, 2, 3, 5]) {
        assert.deepEqual(read(one, pieces(one.body, size)), one.truth, `pieces of ${size}`)
      }
    })
  }
})
