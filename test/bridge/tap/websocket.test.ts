import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { describe, it } from 'node:test'
import { type PerMessageDeflateOptions, WebSocket, WebSocketServer } from 'ws'
import type { Side } from '../../../src/bridge/tap/protocol.ts'
import type { RawHeaders } from '../../../src/kernel/headers.ts'
import { RESPONSES } from '../../fixtures/providers/responses.ts'
import { keep, type Seen, startTaps } from './support.ts'

const { CREATED, COMPLETED, TEXT, CALL, SHELL, FINAL, event } = RESPONSES

interface Recording {
  readonly headers: RawHeaders
  readonly chunks: readonly (readonly [side: Side, bytes: Buffer])[]
}

const create = (text: string): object => ({
  type: 'response.create',
  model: 'gpt-5.6-sol',
  input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text }] }],
})

/** A real conversation, its bytes as they were on the wire after the 101. */
async function record(
  deflate: PerMessageDeflateOptions | false,
  turns: readonly (readonly [ask: object, answers: readonly object[]])[],
): Promise<Recording> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: deflate })
  await once(server, 'listening')
  const answers = turns.map(turn => turn[1])
  server.on('connection', socket => {
    socket.on('message', () => {
      for (const one of answers.shift() ?? []) socket.send(JSON.stringify(one))
    })
  })
  const chunks: [Side, Buffer][] = []
  const relay = await recordingRelay(server.address() as AddressInfo, chunks)
  const client = new WebSocket(`ws://127.0.0.1:${(relay.address() as AddressInfo).port}`, {
    perMessageDeflate: deflate === false ? false : { ...deflate },
  })
  await once(client, 'open')
  const received = new EventEmitter()
  let count = 0
  client.on('message', () => received.emit(String(++count)))
  let due = 0
  for (const [ask, expected] of turns) {
    due += expected.length
    const all = expected.length === 0 ? undefined : once(received, String(due))
    client.send(JSON.stringify(ask))
    await all
  }
  client.close()
  await once(client, 'close')
  relay.close()
  server.close()
  return withoutHeads(chunks)
}

async function recordingRelay(to: AddressInfo, chunks: [Side, Buffer][]): Promise<Server> {
  const relay = createServer(up => {
    const down = connect(to.port, to.address)
    up.on('data', bytes => chunks.push(['up', Buffer.from(bytes)]))
    down.on('data', bytes => chunks.push(['down', Buffer.from(bytes)]))
    up.pipe(down).pipe(up)
  })
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  return relay
}

function withoutHeads(chunks: readonly [Side, Buffer][]): Recording {
  let headers: string[] = []
  const started = new Set<Side>()
  const rest = chunks.map(([side, bytes]): [Side, Buffer] => {
    if (started.has(side)) return [side, bytes]
    started.add(side)
    const end = bytes.indexOf('\r\n\r\n')
    if (side === 'down') {
      const lines = bytes.toString('latin1', 0, end).split('\r\n').slice(1)
      headers = lines.flatMap(line => line.split(/: */, 2))
    }
    return [side, bytes.subarray(end + 4)]
  })
  return { headers, chunks: rest }
}

/** Sends a recording through a tap, in pieces of at most `size` bytes. */
async function replay({ headers, chunks }: Recording, size: number): Promise<Seen> {
  await using taps = startTaps()
  const seen = keep()
  const tap = taps.openWebSocket({
    user: 'ada',
    format: 'openai-responses',
    path: '/v1/responses',
    headers,
    ...seen,
  })
  const sinks = { up: tap.request, down: tap.response(101, headers) }
  for (const [side, bytes] of chunks) {
    for (let at = 0; at < bytes.length; at += size)
      sinks[side].observe(bytes.subarray(at, at + size))
  }
  sinks.up.end(true)
  sinks.down.end(true)
  await tap.settled
  return seen
}

const second = { ...FINAL, responseId: 'resp_2' }
const SECOND = [
  { type: 'response.created', response: { ...CREATED.response, id: 'resp_2' } },
  { type: 'response.completed', response: { ...(COMPLETED['response'] as object), id: 'resp_2' } },
]
const EMPTY = { usageNote: null, tools: [], thoughts: [], errorType: null, errorMessage: null }
const NUMBERED = { threshold: 0 }

const TURNS = [
  [create('Grüße 🌍'), [CREATED, ...TEXT, ...CALL, COMPLETED]],
  [create(`long ${'ü'.repeat(100_000)}`), SECOND],
  [
    create('last'),
    [event('created', {}), event('failed', { error: { code: 'x', message: 'y' } })].map(one => ({
      ...one,
      response: { ...(one['response'] as object), id: 'resp_3' },
    })),
  ],
] as const

describe('a WebSocket under observation', () => {
  for (const [name, deflate] of [
    ['without compression', false],
    ['with compression', NUMBERED],
    [
      'with compression of each message by itself',
      { ...NUMBERED, serverNoContextTakeover: true, clientNoContextTakeover: true },
    ],
    ['with a small window', { ...NUMBERED, serverMaxWindowBits: 10, clientMaxWindowBits: 10 }],
  ] as const) {
    it(`tells every request and every answer ${name}`, async () => {
      const recording = await record(deflate, TURNS)
      for (const size of [1_000_000, 5]) {
        const { requests, responses } = await replay(recording, size)
        assert.deepEqual(
          requests.map(one => one.prompt?.slice(0, 12)),
          ['Grüße 🌍', 'long üüüüüüü', 'last'],
        )
        assert.deepEqual(responses.slice(0, 2), [
          { ...EMPTY, ...FINAL, tools: [SHELL] },
          { ...EMPTY, ...second },
        ])
        assert.deepEqual(
          [
            responses.length,
            responses[2]?.responseId,
            responses[2]?.usageNote,
            responses[2]?.errorType,
          ],
          [3, 'resp_3', 'missing', 'x'],
        )
      }
    })
  }

  it('tells of an answer that was cut off, and of one that never began', async () => {
    const { headers, chunks } = await record(false, [
      [create('a'), [CREATED, ...TEXT]],
      [create('b'), []],
    ])
    const { responses } = await replay({ headers, chunks }, 1000)
    assert.deepEqual(
      responses.map(one => [one.responseId, one.usageNote]),
      [
        [RESPONSES.ID, 'partial'],
        [null, 'partial'],
      ],
    )
  })

  it('takes an error for the answer of a request', async () => {
    const error = {
      type: 'error',
      status: 429,
      error: { type: 'usage_limit_reached', message: 'wait' },
    }
    const { requests, responses } = await replay(
      await record(NUMBERED, [[create('a'), [error]]]),
      1000,
    )
    assert.equal(requests.length, 1)
    assert.deepEqual(
      responses.map(one => [one.usageNote, one.errorType, one.errorMessage]),
      [[null, 'usage_limit_reached', 'wait']],
    )
  })
})
