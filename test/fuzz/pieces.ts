import { MESSAGE } from '../flow/ai-world.ts'
import { get, post, requestText } from '../flow/wire.ts'
import {
  FLAG,
  fields,
  frame,
  headers,
  requestFields,
  TYPE,
  uint32,
} from '../support/http2-frames.ts'

/** A number of 0 and more, below the one given. */
export type Below = (most: number) => number

const SWITCH = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]

/**
 * What is sent over HTTP/1.1, right, wrong and in halves, to be put behind one
 * another in any order: most faults of servers are in what follows on what.
 */
export function piecesFor(
  host: string,
  { base = '', credentials = [] }: { base?: string; credentials?: readonly string[] } = {},
): readonly Buffer[] {
  const to = [`Host: ${host}`, ...credentials]
  const messages = `${base}/v1/messages`
  const responses = `${base}/v1/responses`
  const models = `${base}/v1/models`
  const chunked = [...to, 'Transfer-Encoding: chunked']
  return [
    get(models, host, credentials),
    get(models, host, [...credentials, 'Connection: close']),
    get(models, host, [...credentials, 'Expect: x']),
    get(models, 'evil.example', credentials),
    get('//x', host, credentials),
    get('/livez', host),
    get('/metrics', host),
    get('/api/v2/users/me', host, credentials),
    get(responses, host, [...credentials, ...SWITCH]),
    get(responses, host, [...credentials, ...SWITCH, 'Content-Length: 3']),
    post(messages, host, MESSAGE, credentials),
    post(responses, host, MESSAGE, [...credentials, 'Expect: 100-continue']),
    requestText(`HEAD ${models}`, to),
    requestText(`TRACE ${base}/`, to),
    requestText('OPTIONS *', to),
    requestText('CONNECT a.example:443', to),
    requestText('GET http://10.0.0.1/', to),
    requestText(`POST ${messages}`, chunked, '2\r\n{}\r\n0\r\nX: y\r\n\r\n'),
    requestText(`POST ${messages}`, chunked, 'zz\r\n'),
    requestText(`POST ${messages}`, [...to, 'Transfer-Encoding: gzip, chunked'], '0\r\n\r\n'),
    requestText(`POST ${messages}`, [...to, 'Content-Length: 100'], 'short'),
    Buffer.from('\r\n\r\n'),
    Buffer.from('\x01garbage\r\n\r\n', 'latin1'),
    Buffer.from('\x81\x05hello', 'latin1'),
  ]
}

/** Frames of one HTTP/2 connection, on streams that are new, open, closed or none. */
export function framesOf(below: Below, count: number): readonly Buffer[] {
  let newest = 1
  const frames = [
    (id: number) => headers(id, requestFields('GET', '/v1/models')),
    (id: number) => headers(id, requestFields('GET', '/v1/models'), 0),
    (id: number) => headers(id, requestFields('HEAD', '/v1/models')),
    (id: number) => headers(id, requestFields('trace', '/')),
    (id: number) => headers(id, [...requestFields('GET', '/v1/models'), ['expect', 'x']]),
    (id: number) => headers(id, requestFields('POST', '/v1/messages'), FLAG.endHeaders),
    (id: number) => headers(id, announcing(below(4)), FLAG.endHeaders),
    (id: number) => headers(id, [['x', 'y']]),
    (id: number) => frame(TYPE.continuation, FLAG.endHeaders, id, fields([['a', 'b']])),
    (id: number) => frame(TYPE.data, below(2), id, Buffer.from(MESSAGE)),
    (id: number) => frame(TYPE.reset, 0, id, uint32(below(14))),
    (id: number) => frame(TYPE.windowUpdate, 0, below(2) * id, uint32(below(3) * 1000)),
    () => frame(TYPE.ping, below(2), 0, Buffer.alloc(8)),
    () => frame(TYPE.settings, below(2), 0),
    // SETTINGS_INITIAL_WINDOW_SIZE of 0: answers may not go on.
    () => frame(TYPE.settings, 0, 0, Buffer.from('000400000000', 'hex')),
    () => frame(TYPE.goaway, 0, 0, Buffer.alloc(8)),
    (id: number) => frame(below(12), below(256), id, Buffer.alloc(below(20))),
  ]
  return Array.from({ length: count }, () => {
    if (below(4) === 0) newest += 2
    const id = below(4) === 0 ? below(4) : newest
    return pick(frames, below)(id)
  })
}

function announcing(bytes: number): (readonly [name: string, value: string])[] {
  return [...requestFields('POST', '/v1/messages'), ['content-length', String(bytes)]]
}

export function pick<T>(choices: readonly [T, ...T[]] | readonly T[], below: Below): T {
  const choice = choices[below(choices.length)]
  if (choice === undefined) throw new RangeError('nothing to choose from')
  return choice
}
