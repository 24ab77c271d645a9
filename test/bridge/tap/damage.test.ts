import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { codingsOf } from '../../../src/bridge/tap/decode-body.ts'
import { TAP_LIMITS } from '../../../src/bridge/tap/limits.ts'
import { Observations } from '../../../src/bridge/tap/observations.ts'
import type { Finding, Operation } from '../../../src/bridge/tap/protocol.ts'
import { framingOf } from '../../../src/bridge/usage/format.ts'
import type { Case } from '../../fixtures/providers/case.ts'
import { corpus } from '../../fixtures/providers/corpus.ts'
import { applyAll } from './support.ts'

/** Small bodies only: the point is the number of faults. */
const cases = corpus.filter(one => one.body.length < 8000)

/** A generator of its own, so that a failure can be repeated. */
function random(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

function observe(one: Case, body: Buffer): { findings: readonly Finding[]; held: number } {
  const codings = codingsOf(one.encoding === undefined ? [] : ['Content-Encoding', one.encoding])
  const head = { status: one.status, framing: framingOf(one.format, one.type), codings }
  const id = 1
  const operations: Operation[] = [
    {
      op: 'open',
      id,
      format: one.format,
      path: '/',
      codings: [],
      takeover: undefined,
    },
    { op: 'bytes', id, side: 'up', from: 0, to: body.length },
    { op: 'end', id, side: 'up', complete: true },
    { op: 'head', id, head },
    { op: 'bytes', id, side: 'down', from: 0, to: body.length },
    { op: 'end', id, side: 'down', complete: one.complete },
  ]
  const observations = new Observations(TAP_LIMITS)
  const findings = applyAll(observations, Buffer.from(body), operations)
  return { findings, held: observations.held }
}

describe('damaged answers', () => {
  const damages: readonly (readonly [
    string,
    (body: Buffer, pick: (n: number) => number) => Buffer,
  ])[] = [
    [
      'bytes that changed',
      (body, pick) => {
        const copy = Buffer.from(body)
        for (let i = 0; i < 3 && copy.length > 0; i += 1) copy[pick(copy.length)] = pick(256)
        return copy
      },
    ],
    [
      'values of another type',
      (body, pick) => {
        const values = ['null', '[]', '{}', '-1', '"x"', 'true', '1e400', '[[{}]]']
        const text = body.toString('latin1')
        const at = pick(text.length)
        const end = text.slice(0, at).lastIndexOf('":')
        const rest = text
          .slice(end + 2)
          .replace(/^("[^"]*"|[^,{}[\]]+|\{\}|\[\])/, values[pick(8)] ?? '')
        return Buffer.from(end < 0 ? text : text.slice(0, end + 2) + rest, 'latin1')
      },
    ],
    [
      'a piece that is missing',
      (body, pick) => {
        const at = pick(body.length)
        return Buffer.concat([body.subarray(0, at), body.subarray(at + pick(50))])
      },
    ],
  ]
  for (const [name, damage] of damages) {
    it(`never fail an observation, and leave nothing behind: ${name}`, () => {
      const pick = random(7)
      for (const one of cases) {
        for (let round = 0; round < 8; round += 1) {
          const body = damage(one.body, pick)
          const { findings, held } = observe(one, body)
          const kinds = findings.map(finding => finding.kind).filter(kind => kind !== 'stop')
          assert.deepEqual(
            kinds,
            ['request', 'response', 'settled'],
            `${one.name}: ${body.toString()}`,
          )
          assert.equal(held, 0, one.name)
        }
      }
    })
  }
})

describe('observations that end in the middle of a message', () => {
  const id = 1
  const http = {
    op: 'open',
    id,
    format: 'anthropic-messages',
    path: '/',
    codings: [],
  } as const
  const head = { status: 200, framing: 'sse', codings: [] } as const
  const worlds: readonly (readonly [string, readonly Operation[], Buffer])[] = [
    [
      'a stream',
      [
        { ...http, takeover: undefined },
        { op: 'head', id, head },
      ],
      Buffer.from('data: {"a'),
    ],
    [
      'a WebSocket in a frame',
      [
        {
          ...http,
          format: 'openai-responses',
          takeover: { deflate: true, up: false, down: false },
        },
      ],
      Buffer.from([0x81, 0x7e, 0x10, 0x00, 0x7b]),
    ],
    [
      'a WebSocket between fragments',
      [
        {
          ...http,
          format: 'openai-responses',
          takeover: { deflate: true, up: false, down: false },
        },
      ],
      Buffer.from([0x01, 0x02, 0x7b, 0x22]),
    ],
  ]
  for (const [name, begin, body] of worlds) {
    for (const last of [
      { op: 'cancel', id },
      { op: 'end', id, side: 'down', complete: false },
    ] as const) {
      it(`hold no memory afterwards: ${name}, ${last.op}`, () => {
        const observations = new Observations(TAP_LIMITS)
        const bytes = (['up', 'down'] as const).map(
          side => ({ op: 'bytes', id, side, from: 0, to: body.length }) as const,
        )
        applyAll(observations, Buffer.from(body), [...begin, ...bytes])
        assert.ok(observations.held > 0)
        applyAll(observations, Buffer.alloc(0), [last])
        assert.equal(observations.held, 0)
      })
    }
  }
})
