import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { ByteBuffer } from '../../../src/bridge/tap/byte-buffer.ts'
import { type Frame, FrameParser } from '../../../src/bridge/tap/frame-parser.ts'
import { JsonArrayParser } from '../../../src/bridge/tap/json-array-parser.ts'
import { type SseEvent, SseParser } from '../../../src/bridge/tap/sse-parser.ts'
import { Memory } from '../../../src/kernel/memory.ts'

interface Parsed {
  readonly events: SseEvent[]
  readonly skipped: number
}

function sse(chunks: readonly (string | Buffer)[], maxEventBytes = 1000): Parsed {
  const events: SseEvent[] = []
  let skipped = 0
  const memory = new Memory(1_000_000)
  const parser = new SseParser({
    memory,
    maxEventBytes,
    onEvent: event => events.push(event),
    onOversized: () => {
      skipped += 1
    },
  })
  for (const chunk of chunks) parser.push(Buffer.from(chunk))
  parser.end()
  assert.equal(memory.held, 0)
  return { events, skipped }
}

const data = (...texts: string[]): SseEvent[] =>
  texts.map(text => ({ name: undefined, data: text }))

describe('SseParser', () => {
  const rows: readonly (readonly [string, string, SseEvent[]])[] = [
    ['an event', 'data: a\n\n', data('a')],
    ['several data lines', 'data: a\ndata:b\ndata:  c\n\n', data('a\nb\n c')],
    ['a name', 'event: x\ndata: a\n\n', [{ name: 'x', data: 'a' }]],
    ['an empty name as none', 'event:\ndata: a\n\n', data('a')],
    ['no event without data', 'event: x\n\nid: 1\n\ndata: a\n\n', data('a')],
    ['a field without a colon', 'data\n\n', data('')],
    ['comments', ': one\n:\ndata: a\n: two\n\n', data('a')],
    ['fields nobody knows', 'x-data: 1\ndata: a\nretry: 3\n\n', data('a')],
    ['many blank lines', '\n\n\ndata: a\n\n\n\ndata: b\n\n', data('a', 'b')],
    ['the end in place of a blank line', 'data: a', data('a')],
    ['CR and CRLF', 'data: a\r\rdata: b\r\n\r\ndata: c\r\n\n', data('a', 'b', 'c')],
    ['a byte order mark', '\uFEFFdata: a\n\n', data('a')],
    ['no byte order mark later', 'data: a\n\n\uFEFFdata: b\n\ndata: c\n\n', data('a', 'c')],
    ['letters of several bytes', 'data: ü🌍\n\n', data('ü🌍')],
  ]
  for (const [name, text, events] of rows) {
    it(`takes ${name}, in one piece and byte by byte`, () => {
      assert.deepEqual(sse([text]).events, events)
      assert.deepEqual(sse([...Buffer.from(text)].map(byte => Buffer.of(byte))).events, events)
    })
  }

  it('reads the same whatever the pieces', () => {
    const piece = fc.constantFrom(
      'data: a',
      'data',
      'event: x',
      ': c',
      'ü',
      '\r',
      '\n',
      '\r\n',
      '\n\n',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.array(fc.nat(60)), (parts, cuts) => {
        const bytes = Buffer.from(parts.join(''))
        const at = [0, ...cuts.map(cut => Math.min(cut, bytes.length)), bytes.length].sort(
          (a, b) => a - b,
        )
        const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end))
        assert.deepEqual(sse(chunks), sse([bytes]))
      }),
    )
  })

  for (const [name, huge] of [
    ['one long line', `data: ${'x'.repeat(2000)}`],
    ['many lines', 'data: x\n'.repeat(300).trimEnd()],
  ] as const) {
    it(`skips an event of ${name} and goes on with the next`, () => {
      const text = `data: a\n\n${huge}\n\ndata: b\n\n`
      assert.deepEqual(sse([text], 1000), { events: data('a', 'b'), skipped: 1 })
      const bytes = [...Buffer.from(text)].map(byte => Buffer.of(byte))
      assert.deepEqual(sse(bytes, 1000), { events: data('a', 'b'), skipped: 1 })
    })
  }
})

describe('FrameParser', () => {
  const parse = (bytes: Buffer, max = 1000): { frames: Frame[]; skipped: number } => {
    const frames: Frame[] = []
    let skipped = 0
    const parser = new FrameParser({
      memory: new Memory(10_000),
      maxFrameBytes: max,
      onFrame: frame => frames.push(frame),
      onOversized: () => {
        skipped += 1
      },
    })
    for (const byte of bytes) parser.push(Buffer.of(byte))
    return { frames, skipped }
  }
  const hi = Buffer.from([0x81, 2, 104, 105])

  it('undoes the mask', () => {
    const masked = Buffer.from([0x81, 0x83, 1, 2, 3, 4, 97 ^ 1, 98 ^ 2, 99 ^ 3])
    assert.equal(parse(masked).frames[0]?.payload.toString(), 'abc')
  })

  it('passes over a frame that is too large and reads the next', () => {
    const large = Buffer.concat([Buffer.from([0x81, 126, 0x08, 0x00]), Buffer.alloc(2048)])
    const { frames, skipped } = parse(Buffer.concat([large, hi]))
    assert.deepEqual([frames.map(one => one.payload.toString()), skipped], [['hi'], 1])
  })

  it('allocates nothing for a length of 64 bits that nobody will send', () => {
    const claim = Buffer.from([0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3])
    assert.deepEqual(parse(claim), { frames: [], skipped: 1 })
  })
})

describe('JsonArrayParser', () => {
  const parse = (chunks: readonly string[], max = 100): { texts: string[]; skipped: number } => {
    const texts: string[] = []
    let skipped = 0
    const parser = new JsonArrayParser({
      memory: new Memory(10_000),
      maxEventBytes: max,
      onText: text => texts.push(text),
      onOversized: () => {
        skipped += 1
      },
    })
    for (const chunk of chunks) parser.push(Buffer.from(chunk))
    parser.end()
    return { texts, skipped }
  }

  it('skips an object that is too large and reads the next', () => {
    const text = `[{"a":"${'}'.repeat(200)}"},{"b":1}]`
    assert.deepEqual(parse([text]), { texts: ['{"b":1}'], skipped: 1 })
    assert.deepEqual(parse(text.split('')), { texts: ['{"b":1}'], skipped: 1 })
  })

  it('is not led astray by closing braces that nothing opened', () => {
    assert.deepEqual(parse(['}}]', '{"a":{}}']).texts, ['{"a":{}}'])
  })
})

describe('ByteBuffer', () => {
  it('gives back what it was given, and the memory', () => {
    const memory = new Memory(5_000_000)
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 20 }), pieces => {
        const buffer = new ByteBuffer(memory)
        for (const piece of pieces) assert.ok(buffer.append(Buffer.from(piece)))
        assert.deepEqual(buffer.take(), Buffer.concat(pieces))
        assert.equal(memory.held, 0)
      }),
    )
  })

  it('takes nothing when all of them together hold too much', () => {
    const memory = new Memory(10)
    const one = new ByteBuffer(memory)
    const other = new ByteBuffer(memory)
    assert.ok(one.append(Buffer.alloc(6)))
    assert.equal(other.append(Buffer.alloc(6)), false)
    one.clear()
    assert.ok(other.append(Buffer.alloc(6)))
  })
})
