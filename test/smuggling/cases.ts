/** A request as a client could send it, and the one request that it may become. */
export interface Case {
  readonly name: string
  readonly raw: string
  /** What it means, if it is let through at all. */
  readonly method: string
  readonly path: string
  readonly body: string
}

const HOST = 'Host: api.anthropic.com'
const PATH = '/v1/messages'
/** What a smuggled request would ask for. */
export const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: api.anthropic.com\r\n\r\n'

interface Shape {
  readonly method?: string
  readonly path?: string
  readonly headers?: readonly string[]
  /** As it stands on the wire. */
  readonly wire?: string
  /** What it means. */
  readonly body?: string
  readonly startLine?: string
}

function request(name: string, shape: Shape): Case {
  const { method = 'POST', path = PATH, headers = [], wire = '', body = wire } = shape
  const head = [shape.startLine ?? `${method} ${path} HTTP/1.1`, HOST, ...headers]
  return { name, raw: `${head.join('\r\n')}\r\n\r\n${wire}`, method, path, body }
}

/** A chunked body whose framing is told by these headers. */
function chunked(name: string, headers: readonly string[], wire = '5\r\nhello\r\n0\r\n\r\n'): Case {
  return request(name, { headers, wire, body: 'hello' })
}

const TE = 'Transfer-Encoding: chunked'
const length = (text: string): string => `Content-Length: ${text.length}`

/** Levers of request smuggling, known from advisories and from catalogues of them. */
export const CASES: readonly Case[] = [
  request('a plain body', { headers: ['Content-Length: 5'], wire: 'hello' }),
  request('a body that looks like a request', { headers: [length(SMUGGLED)], wire: SMUGGLED }),
  request('no body at all', { headers: [] }),
  request('length 0', { headers: ['Content-Length: 0'] }),
  request('GET with a body', { method: 'GET', headers: [length(SMUGGLED)], wire: SMUGGLED }),
  request('DELETE with a body', {
    method: 'DELETE',
    headers: ['Content-Length: 5'],
    wire: 'hello',
  }),
  request('HEAD with a body', { method: 'HEAD', headers: ['Content-Length: 5'], wire: 'hello' }),
  ...['+5', '5, 5', '05', '5 ', '0x5', '5\t', '-0', '5_0', ''].map(value =>
    request(`length ${JSON.stringify(value)}`, {
      headers: [`Content-Length: ${value}`],
      wire: 'hello',
    }),
  ),
  request('two equal lengths', {
    headers: ['Content-Length: 5', 'Content-Length: 5'],
    wire: 'hello',
  }),
  request('two lengths', { headers: ['Content-Length: 5', 'Content-Length: 0'], wire: 'hello' }),
  request('length with an underscore', {
    headers: ['Content_Length: 5', 'Content-Length: 0'],
  }),
  request('a blank before the colon', { headers: ['Content-Length : 5'], wire: 'hello' }),
  request('a folded length', { headers: ['Content-Length:\r\n 5'], wire: 'hello' }),
  chunked('a chunked body', [TE]),
  chunked('chunked, spelled otherwise', ['transfer-encoding: CHUNKED']),
  chunked('chunked and a length', [TE, 'Content-Length: 5']),
  chunked('a length and chunked', ['Content-Length: 5', TE]),
  chunked('chunked twice', [TE, TE]),
  ...[
    'chunked, identity',
    'identity, chunked',
    'gzip, chunked',
    'xchunked',
    '\x0bchunked',
    'chunked\x00',
    '"chunked"',
    'chunked;q=1',
    ' ',
    ',chunked',
  ].map(value => chunked(`coding ${JSON.stringify(value)}`, [`Transfer-Encoding: ${value}`])),
  request('a coding with an underscore', {
    headers: ['Transfer_Encoding: chunked', 'Content-Length: 15'],
    wire: '5\r\nhello\r\n0\r\n\r\n',
  }),
  chunked('a folded coding', ['Transfer-Encoding:\r\n chunked']),
  request('chunked in HTTP/1.0', {
    startLine: `POST ${PATH} HTTP/1.0`,
    headers: [TE],
    wire: '5\r\nhello\r\n0\r\n\r\n',
    body: 'hello',
  }),
  chunked('chunk extensions', [TE], '5;a=b;c="d\te"\r\nhello\r\n0;x\r\n\r\n'),
  chunked('a chunk extension with a line feed', [TE], '5;a\nb\r\nhello\r\n0\r\n\r\n'),
  chunked('a bare line feed after a size', [TE], '5\nhello\r\n0\r\n\r\n'),
  chunked('a bare line feed after a chunk', [TE], '5\r\nhello\n0\r\n\r\n'),
  chunked('a size in C notation', [TE], '0x5\r\nhello\r\n0\r\n\r\n'),
  chunked('a size with a sign', [TE], '+5\r\nhello\r\n0\r\n\r\n'),
  chunked('a size with zeros', [TE], '000000000005\r\nhello\r\n0\r\n\r\n'),
  chunked('a size beyond 2^64', [TE], '10000000000000005\r\nhello\r\n0\r\n\r\n'),
  chunked('a chunk without its end', [TE], '5\r\nhello0\r\n\r\n'),
  chunked('a last chunk with a blank', [TE], '5\r\nhello\r\n0 \r\n\r\n'),
  chunked('trailers', [TE, 'Trailer: X-Sum'], '5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n'),
  chunked(
    'trailers that frame',
    [TE],
    '5\r\nhello\r\n0\r\nContent-Length: 44\r\nTransfer-Encoding: x\r\n\r\n',
  ),
  chunked('trailers that route', [TE], '5\r\nhello\r\n0\r\nHost: evil\r\nX-Api-Key: k\r\n\r\n'),
  ...['content-length', 'transfer-encoding', 'host', 'x-api-key, close'].map(value =>
    request(`Connection: ${value}`, {
      headers: [`Connection: ${value}`, 'Content-Length: 5'],
      wire: 'hello',
    }),
  ),
  request('an upgrade to h2c', {
    headers: [
      'Upgrade: h2c',
      'Connection: Upgrade, HTTP2-Settings',
      'HTTP2-Settings: AAMAAABk',
      'Content-Length: 5',
    ],
    wire: 'hello',
  }),
  request('an upgrade to WebSocket with a body', {
    headers: ['Upgrade: websocket', 'Connection: Upgrade', length(SMUGGLED)],
    wire: SMUGGLED,
  }),
  request('another Host', { headers: ['Host: evil.example', 'Content-Length: 5'], wire: 'hello' }),
  request('an absolute target', {
    startLine: 'POST https://api.anthropic.com/v1/messages HTTP/1.1',
    headers: ['Content-Length: 5'],
    wire: 'hello',
  }),
  ...[
    '/v1/messages\tHTTP/1.1',
    '/v1/ messages',
    '//evil/v1/messages',
    '/v1/messages#x',
    '/v1\\messages',
  ].map(path =>
    request(`path ${JSON.stringify(path)}`, {
      path,
      headers: ['Content-Length: 5'],
      wire: 'hello',
    }),
  ),
  request('a bare CR in a value', {
    headers: ['X-A: b\rX-C: d', 'Content-Length: 5'],
    wire: 'hello',
  }),
  request('NUL in a value', { headers: ['X-A: b\x00c', 'Content-Length: 5'], wire: 'hello' }),
  request('a name with a blank', { headers: ['X A: b', 'Content-Length: 5'], wire: 'hello' }),
  request('no colon', { headers: ['X-A', 'Content-Length: 5'], wire: 'hello' }),
  request('an empty name', { headers: [': x', 'Content-Length: 5'], wire: 'hello' }),
  request('line feeds alone', {
    startLine: `POST ${PATH} HTTP/1.1\nContent-Length: 5\n\nhello${SMUGGLED.replaceAll('\r', '')}`,
    headers: ['Content-Length: 5'],
    wire: 'hello',
  }),
  request('an unknown version', {
    startLine: `POST ${PATH} HTTP/1.2`,
    headers: ['Content-Length: 5'],
    wire: 'hello',
  }),
  request('bytes beyond ASCII in a value', {
    headers: ['X-A: \xe9\xff', 'Content-Length: 5'],
    wire: 'hello',
  }),
]
