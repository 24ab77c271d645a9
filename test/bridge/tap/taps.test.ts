import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import type { CallTap } from '../../../src/bridge/tap/call-tap.ts'
import type { Taps } from '../../../src/bridge/tap/taps.ts'
import { UNKNOWN_REQUEST } from '../../../src/bridge/usage/request-facts.ts'
import { UNPARSED } from '../../../src/bridge/usage/response-fold.ts'
import { ANTHROPIC_STREAM } from '../../fixtures/providers/anthropic.ts'
import type { Case } from '../../fixtures/providers/case.ts'
import { corpus } from '../../fixtures/providers/corpus.ts'
import { standStill } from '../../support/stand-still.ts'
import { handClock, keep, startTaps } from './support.ts'

const PROMPT = JSON.stringify({
  model: 'claude-x',
  stream: true,
  messages: [{ role: 'user', content: 'Grüße' }],
})
const SSE = ['Content-Type', 'text/event-stream']
const EMPTY = { ...UNPARSED, usageNote: null }
const MIB = 1024 * 1024

function open(
  taps: Taps,
  seen: ReturnType<typeof keep>,
  headers: readonly string[] = [],
  user = 'ada',
): CallTap {
  return taps.open({
    user,
    format: 'anthropic-messages',
    path: '/v1/messages',
    headers,
    ...seen,
  })
}

/** Sends one answer of the corpus through a tap. */
function answer(
  tap: CallTap,
  one: Pick<Case, 'body' | 'type' | 'status' | 'encoding' | 'complete'>,
): void {
  const coding = one.encoding === undefined ? [] : ['Content-Encoding', one.encoding]
  const sink = tap.response(one.status, ['Content-Type', one.type, ...coding])
  for (let at = 0; at < one.body.length; at += 1000) sink.observe(one.body.subarray(at, at + 1000))
  sink.end(one.complete)
}

const STREAM: Parameters<typeof answer>[1] = {
  body: Buffer.from(ANTHROPIC_STREAM.text),
  type: 'text/event-stream',
  status: 200,
  encoding: undefined,
  complete: true,
}

describe('Taps', () => {
  it('reads the whole corpus in its thread, all calls at once', async () => {
    await using taps = startTaps()
    const calls = corpus.map(one => {
      const seen = keep()
      const tap = taps.open({ user: 'ada', format: one.format, path: '/', headers: [], ...seen })
      tap.request.observe(Buffer.from('{}'))
      tap.request.end(true)
      answer(tap, one)
      return { one, seen, tap }
    })
    await Promise.all(calls.map(({ tap }) => tap.settled))
    for (const { one, seen } of calls) {
      assert.deepEqual(seen.responses, [one.truth], one.name)
      assert.equal(seen.requests.length, 1, one.name)
    }
    assert.deepEqual(taps.problems, [])
  })

  it('tells of the request before the answer has come', async () => {
    await using taps = startTaps()
    const told = Promise.withResolvers<string | null>()
    const seen = {
      ...keep(),
      onRequest: (facts: { prompt: string | null }) => told.resolve(facts.prompt),
    }
    const tap = open(taps, seen)
    tap.request.observe(Buffer.from(PROMPT))
    tap.request.end(true)
    assert.equal(await told.promise, 'Grüße')
    tap.cancel()
    await tap.settled
  })

  for (const [coding, encode] of [
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const) {
    it(`reads a request in ${coding}`, async () => {
      await using taps = startTaps()
      const seen = keep()
      const tap = open(taps, seen, ['Content-Encoding', coding])
      tap.request.observe(encode(Buffer.from(PROMPT)))
      tap.request.end(true)
      answer(tap, STREAM)
      await tap.settled
      assert.equal(seen.requests[0]?.prompt, 'Grüße')
    })
  }

  it('keeps streams apart whose bytes come in turns', async () => {
    await using taps = startTaps()
    const calls = Array.from({ length: 50 }, () => {
      const seen = keep()
      const tap = open(taps, seen)
      tap.request.end(true)
      return { seen, tap, sink: tap.response(200, SSE) }
    })
    for (const byte of STREAM.body) {
      for (const { sink } of calls) sink.observe(Uint8Array.of(byte))
    }
    for (const { sink } of calls) sink.end(true)
    await Promise.all(calls.map(({ tap }) => tap.settled))
    for (const { seen } of calls)
      assert.deepEqual(seen.responses[0]?.usage, ANTHROPIC_STREAM.truth.usage)
  })

  it('does not see what happens to a chunk after it was observed', async () => {
    await using taps = startTaps()
    const seen = keep()
    const tap = open(taps, seen)
    const sink = tap.response(200, SSE)
    const chunk = Buffer.from(STREAM.body)
    sink.observe(chunk)
    assert.deepEqual(chunk, STREAM.body, 'left as it was')
    chunk.fill(0)
    sink.end(true)
    await tap.settled
    assert.deepEqual(seen.responses[0]?.usage, ANTHROPIC_STREAM.truth.usage)
  })

  it('tells nothing of a call that was cancelled', async () => {
    await using taps = startTaps()
    const seen = keep()
    const tap = open(taps, seen)
    tap.request.observe(Buffer.from(PROMPT))
    tap.cancel()
    tap.request.end(true)
    await tap.settled
    assert.deepEqual([seen.requests, seen.responses], [[], []])
  })

  it('calls a request unknown that was cut off', async () => {
    await using taps = startTaps()
    const seen = keep()
    const tap = open(taps, seen)
    tap.request.observe(Buffer.from(PROMPT.slice(0, 30)))
    tap.request.end(false)
    answer(tap, STREAM)
    await tap.settled
    assert.deepEqual(seen.requests, [UNKNOWN_REQUEST])
    assert.deepEqual(seen.responses[0]?.usageNote, null)
  })

  it('gives up on a body beyond the limit of a call and stays well', async () => {
    await using taps = startTaps({ bounds: { callBytes: MIB } })
    const seen = keep()
    const tap = open(taps, seen)
    for (let i = 0; i < 40; i += 1) tap.request.observe(Buffer.alloc(64 * 1024, ' '))
    tap.request.end(true)
    const sink = tap.response(200, ['Content-Type', 'application/json'])
    for (let i = 0; i < 40; i += 1) sink.observe(Buffer.alloc(64 * 1024, ' '))
    sink.end(true)
    await tap.settled
    assert.deepEqual(seen, { ...seen, requests: [UNKNOWN_REQUEST], responses: [UNPARSED] })

    const next = keep()
    const after = open(taps, next)
    answer(after, STREAM)
    await after.settled
    assert.equal(next.responses[0]?.usageNote, null)
  })

  it('drops what does not fit the limit of the process, and never waits', async () => {
    await using taps = startTaps({ bounds: { processBytes: 4 * MIB } })
    const seen = keep()
    const tap = open(taps, seen)
    const sink = tap.response(200, ['Content-Type', 'application/json'])
    const chunk = Buffer.alloc(MIB, ' ')
    for (let i = 0; i < 64; i += 1) sink.observe(chunk)
    sink.end(true)
    await tap.settled
    assert.deepEqual(seen.responses, [UNPARSED])
  })

  it('lets nobody who fills its memory blind it to the calls of others, or to own answers', async () => {
    await using taps = startTaps({ bounds: { processBytes: 4 * MIB } })
    const chunk = Buffer.alloc(64 * 1024, ' ')
    const stalled = Array.from({ length: 5 }, () => {
      const tap = open(taps, keep(), [], 'eve')
      for (let i = 0; i < 30; i += 1) tap.request.observe(chunk)
      return tap
    })
    for (const user of ['bob', 'eve']) {
      const seen = keep()
      const tap = open(taps, seen, [], user)
      tap.request.observe(Buffer.from(PROMPT))
      tap.request.end(true)
      answer(tap, STREAM)
      await tap.settled
      assert.equal(seen.responses[0]?.usageNote, null, user)
    }
    for (const tap of stalled) tap.cancel()
  })

  it('is not taken for stuck while it reads many large bodies that end together', async () => {
    await using taps = startTaps({ stuckMs: 900 })
    // The thread's own start is not what it is about.
    const first = open(taps, keep())
    answer(first, STREAM)
    await first.settled
    // Large enough for what it becomes, or it would count as a bomb.
    const text = gzipSync(JSON.stringify({ model: 'm', x: 'y'.repeat(24 * MIB) }))
    const large = Buffer.concat([text, Buffer.alloc(100 * 1024)])
    const calls = Array.from({ length: 12 }, (_, i) => {
      const seen = keep()
      const tap = open(taps, seen, ['Content-Encoding', 'gzip'], `user${i}`)
      tap.request.observe(large)
      return { seen, tap }
    })
    for (const { tap } of calls) tap.request.end(true)
    for (const { tap } of calls) answer(tap, STREAM)
    await Promise.all(calls.map(({ tap }) => tap.settled))
    for (const { seen } of calls) {
      assert.equal(seen.requests[0]?.model, 'm')
      assert.equal(seen.responses[0]?.usageNote, null)
    }
    assert.deepEqual(taps.problems, [])
  })

  it('is not taken for stuck by a process that stood still itself', async () => {
    await using taps = startTaps({ stuckMs: 600 })
    for (const ms of [0, 700, 0]) {
      const seen = keep()
      const tap = open(taps, seen)
      answer(tap, STREAM)
      tap.request.end(true)
      if (ms > 0) setImmediate(standStill, ms)
      await tap.settled
      assert.equal(seen.responses[0]?.usageNote, null)
    }
    assert.deepEqual(taps.problems, [])
  })

  for (const extensions of [
    'x-webkit-deflate-frame',
    'permessage-deflate, x-other',
    'xpermessage-deflate',
  ]) {
    it(`says at once that it cannot read a WebSocket with ${extensions}`, async () => {
      await using taps = startTaps()
      const seen = keep()
      const headers = ['Sec-WebSocket-Extensions', extensions]
      const format = 'openai-responses'
      const tap = taps.openWebSocket({ user: 'ada', format, path: '/', headers, ...seen })
      await tap.blinded
      tap.response(101, headers).end(true)
      await tap.settled
      assert.deepEqual(seen.responses, [UNPARSED])
    })
  }

  it('reads in turns: nobody waits for all that another has sent', async () => {
    await using taps = startTaps()
    const settled: string[] = []
    const terms = { format: 'openai-responses', path: '/v1/responses', headers: [] } as const
    const greedy = taps.openWebSocket({ user: 'mallory', ...terms, ...keep() })
    const message = Buffer.from(`{"x":[${'{},'.repeat(20_000)}0]}`)
    const head = Buffer.from([0x81, 126, message.length >> 8, message.length & 255])
    for (let i = 0; i < 100; i += 1) greedy.request.observe(Buffer.concat([head, message]))
    greedy.response(101, []).end(true)
    const seen = keep()
    const modest = open(taps, seen)
    modest.request.observe(Buffer.from(PROMPT))
    modest.request.end(true)
    answer(modest, STREAM)
    const all = [greedy, modest].map(async (tap, i) => {
      await tap.settled
      settled.push(i === 0 ? 'greedy' : 'modest')
    })
    await Promise.all(all)
    assert.deepEqual(settled, ['modest', 'greedy'])
    assert.notEqual(seen.responses[0]?.usage, null)
  })

  it('reads a stream of any length, for nothing of it is kept', async () => {
    await using taps = startTaps({ bounds: { callBytes: MIB } })
    const seen = keep()
    const tap = open(taps, seen)
    const sink = tap.response(200, SSE)
    const [start = '', ...rest] = ANTHROPIC_STREAM.text.split('\n\n')
    sink.observe(Buffer.from(`${start}\n\n`))
    const filler = Buffer.from(`event: ping\ndata: {"type":"ping","x":"${'y'.repeat(1000)}"}\n\n`)
    for (let i = 0; i < 8000; i += 1) {
      sink.observe(filler)
    }
    sink.observe(Buffer.from(rest.join('\n\n')))
    sink.end(true)
    await tap.settled
    assert.deepEqual(
      seen.responses,
      [ANTHROPIC_STREAM.truth].map(truth => ({ ...EMPTY, ...truth })),
    )
  })

  it('skips one event that is too large', async () => {
    await using taps = startTaps({ bounds: { eventBytes: 4096 } })
    const seen = keep()
    const tap = open(taps, seen)
    const sink = tap.response(200, SSE)
    const [start, ...rest] = ANTHROPIC_STREAM.text.split('\n\n')
    const huge = `event: x\ndata: {"type":"x","y":"${'z'.repeat(10_000)}"}`
    sink.observe(Buffer.from([start, huge, ...rest].join('\n\n')))
    sink.end(true)
    await tap.settled
    assert.deepEqual(seen.responses[0]?.usage, ANTHROPIC_STREAM.truth.usage)
    assert.equal(seen.responses[0]?.usageNote, null)
  })

  it('leaves a body of nothing but brackets unread', async () => {
    await using taps = startTaps()
    const seen = keep()
    const tap = open(taps, seen)
    tap.request.observe(Buffer.from(`[${'[],'.repeat(4 * MIB)}[]]`))
    tap.request.end(true)
    answer(tap, STREAM)
    await tap.settled
    assert.deepEqual(seen.requests, [UNKNOWN_REQUEST])
    assert.equal(seen.responses[0]?.usageNote, null)
    assert.deepEqual(taps.problems, [])
  })

  it('goes on when a reader of its facts throws', async () => {
    await using taps = startTaps()
    const tap = open(taps, {
      ...keep(),
      onResponse: () => {
        throw new Error('reader is broken')
      },
    })
    answer(tap, STREAM)
    await tap.settled
    assert.match(taps.problems.join(), /reader is broken/)
  })

  it('tells what is owed when it is closed', async () => {
    const taps = startTaps()
    const seen = keep()
    const tap = open(taps, seen)
    answer(tap, STREAM)
    await taps[Symbol.asyncDispose]()
    await tap.settled
    assert.equal(seen.responses[0]?.usageNote, null)
  })
})

describe('Taps that are closed', () => {
  it('wait for the ends of what was cut for it', async () => {
    const taps = startTaps()
    const seen = keep()
    const sink = open(taps, seen).response(200, SSE)
    sink.observe(STREAM.body.subarray(0, 600))
    const closed = taps[Symbol.asyncDispose]()
    setImmediate(() => sink.end(false))
    await closed
    assert.equal(seen.responses[0]?.usageNote, 'partial')
  })
})

describe('Taps whose thread dies', () => {
  /** A worker that dies of its first batch, unless a file says that it may live. */
  async function mortal(): Promise<{ url: URL; heal: () => Promise<void> } & AsyncDisposable> {
    const file = join(tmpdir(), `tap-worker-${process.pid}-${Math.random()}.mjs`)
    const real = new URL('../../../src/bridge/tap/tap-worker.ts', import.meta.url)
    await writeFile(
      file,
      "import { parentPort } from 'node:worker_threads'\nparentPort.on('message', () => { throw new Error('worker is broken') })\n",
    )
    return {
      url: pathToFileURL(file),
      heal: () => writeFile(file, `await import(${JSON.stringify(real.href)})\n`),
      [Symbol.asyncDispose]: () => rm(file),
    }
  }

  it('call everything under way unparsed, and start anew after a minute', async () => {
    await using worker = await mortal()
    const clock = handClock()
    await using taps = startTaps({ clock, worker: worker.url })

    const first = keep()
    const tap = open(taps, first)
    tap.request.end(true)
    answer(tap, STREAM)
    await tap.settled
    assert.deepEqual([first.requests, first.responses], [[UNKNOWN_REQUEST], [UNPARSED]])
    assert.match(taps.problems.join(), /worker is broken/)

    await worker.heal()
    clock.move(59_000)
    const second = keep()
    const early = open(taps, second)
    answer(early, STREAM)
    assert.deepEqual(second.responses, [], 'never in the same turn')
    await early.settled
    assert.deepEqual(second.responses, [UNPARSED])

    clock.move(2000)
    const third = keep()
    const late = open(taps, third)
    answer(late, STREAM)
    await late.settled
    assert.equal(third.responses[0]?.usageNote, null)
  })

  it('wait for the end of an answer before they tell', async () => {
    await using worker = await mortal()
    await using taps = startTaps({ worker: worker.url })
    const died = Promise.withResolvers<void>()
    taps.problems.push = () => {
      died.resolve()
      return 0
    }
    const seen = keep()
    const tap = open(taps, seen)
    const sink = tap.response(200, SSE)
    sink.observe(STREAM.body)
    await died.promise
    assert.deepEqual(seen.responses, [])
    sink.end(true)
    await tap.settled
    assert.deepEqual(seen.responses, [UNPARSED])
  })
})
