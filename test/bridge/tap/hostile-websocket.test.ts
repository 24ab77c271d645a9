import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import { TAP_LIMITS } from '../../../src/bridge/tap/limits.ts'
import { Observations } from '../../../src/bridge/tap/observations.ts'
import type { Finding, Side, Takeover } from '../../../src/bridge/tap/protocol.ts'
import { applyAll } from './support.ts'

const MIB = 1 << 20
const RSV1 = 0x40
const FIN_TEXT = 0x81
const ASK = Buffer.from('{"type":"response.create","model":"m"}')

/** A frame without a mask; `length` may lie. */
function frame(first: number, payload: Buffer, length = payload.length): Buffer {
  const head = Buffer.alloc(10)
  head[0] = first
  head[1] = 127
  head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, payload])
}

/** One compressed message (RFC 7692 7.2.1). */
function squeezed(text: Buffer): Buffer {
  return Buffer.concat([deflateRawSync(text), Buffer.from([0])])
}

interface Outcome {
  readonly findings: readonly Finding[]
  readonly held: number
}

/** What an observation makes of bytes of one side, and whether it let go of them. */
function observe(side: Side, blocks: Iterable<Buffer>, terms: Partial<Takeover> = {}): Outcome {
  const observations = new Observations(TAP_LIMITS)
  const takeover = { deflate: true, up: true, down: true, ...terms }
  const id = 1
  applyAll(observations, Buffer.alloc(0), [
    { op: 'open', id, format: 'openai-responses', path: '/', codings: [], takeover },
  ])
  const findings: Finding[] = []
  for (const block of blocks) {
    const bytes = { op: 'bytes', id, side, from: 0, to: block.length } as const
    findings.push(...applyAll(observations, Buffer.from(block), [bytes]))
    const { held } = observations
    assert.ok(held <= TAP_LIMITS.eventBytes + MIB, `${held} bytes were kept`)
  }
  const last = applyAll(observations, Buffer.alloc(0), [
    { op: 'end', id, side: 'down', complete: true },
  ])
  return { findings: [...findings, ...last], held: observations.held }
}

const repeat = (one: Buffer, count: number): Buffer[] => {
  const block = Buffer.concat(Array.from({ length: 1000 }, () => one))
  return Array.from({ length: count / 1000 }, () => block)
}

const count = ({ findings }: Outcome, kind: Finding['kind']): number =>
  findings.filter(finding => finding.kind === kind).length

describe('a hostile WebSocket', () => {
  const bomb = squeezed(Buffer.alloc(7 * MIB, 'x'))
  const cases: readonly (readonly [
    what: string,
    blocks: Iterable<Buffer>,
    terms?: Partial<Takeover>,
  ])[] = [
    ['a length of 2^63 - 1', [frame(FIN_TEXT, Buffer.alloc(MIB), Number.MAX_SAFE_INTEGER)]],
    ['a length just beyond the limit', [frame(FIN_TEXT, Buffer.alloc(9 * MIB))]],
    ['100,000 empty fragments', [frame(0x01, ASK), ...repeat(frame(0x00, Buffer.alloc(0)), 1e5)]],
    [
      '100,000 fragments of a byte',
      [frame(0x01, ASK), ...repeat(frame(0x00, Buffer.from('x')), 1e5)],
    ],
    ['100,000 PINGs', repeat(frame(0x89, Buffer.alloc(0)), 1e5)],
    ['a hundred deflate bombs', Array.from({ length: 100 }, () => frame(FIN_TEXT | RSV1, bomb))],
    [
      'a hundred deflate bombs of which none refers to another',
      Array.from({ length: 100 }, () => frame(FIN_TEXT | RSV1, bomb)),
      { up: false, down: false },
    ],
    ['what does not inflate', repeat(frame(FIN_TEXT | RSV1, Buffer.from('zzz')), 1e4)],
    [
      'objects by the million',
      [frame(FIN_TEXT, Buffer.from(`{"type":"response.create","x":[${'{},'.repeat(2.4e6)}0]}`))],
    ],
    ['requests by the thousand', repeat(frame(FIN_TEXT, ASK), 1e4)],
    ['bits of no known extension', repeat(frame(FIN_TEXT | 0x30, ASK), 1e4)],
  ]
  for (const side of ['up', 'down'] as const) {
    for (const [what, blocks, terms] of cases) {
      it(`costs little and leaves nothing behind: ${what}, ${side}`, () => {
        const cpu = process.threadCpuUsage()
        const outcome = observe(side, blocks, terms)
        const { user, system } = process.threadCpuUsage(cpu)
        assert.ok((user + system) / 1e5 < 2)
        assert.equal(outcome.held, 0)
        assert.equal(count(outcome, 'settled'), 1)
        assert.ok(count(outcome, 'request') <= 16)
        assert.ok(count(outcome, 'response') <= 16)
      })
    }
  }

  it('may not compress what nobody agreed to compress', () => {
    const message = [frame(FIN_TEXT | RSV1, squeezed(ASK))]
    const facts = observe('up', message).findings.find(({ kind }) => kind === 'request')
    assert.equal(facts?.kind === 'request' ? facts.facts.model : undefined, 'm')
    const refused = observe('up', message, { deflate: false }).findings.find(
      ({ kind }) => kind === 'request',
    )
    assert.equal(refused?.kind === 'request' ? refused.facts.model : undefined, null)
  })

  it('says that an answer was not read, and reads on behind it', () => {
    const created = '{"type":"response.created","response":{"id":"r1"}}'
    const done =
      '{"type":"response.completed","response":{"id":"r1","usage":{"input_tokens":1,"output_tokens":2}}}'
    const { findings } = observe('down', [
      frame(FIN_TEXT, Buffer.alloc(9 * MIB)),
      frame(FIN_TEXT, Buffer.from(created)),
      frame(FIN_TEXT, Buffer.from(done)),
    ])
    const answer = findings.find(({ kind }) => kind === 'response')
    assert.equal(answer?.kind === 'response' ? answer.facts.usage?.output : undefined, 2)
  })
})
