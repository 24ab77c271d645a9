import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ValueType } from '../../src/config/option.ts'
import { nat64Prefixes, privateCidrs } from '../../src/config/types/cidr.ts'
import { duration } from '../../src/config/types/duration.ts'
import { headerName } from '../../src/config/types/header-name.ts'
import { ports, strings } from '../../src/config/types/list.ts'
import {
  collide,
  isLoopbackListener,
  listenAddress,
} from '../../src/config/types/listen-address.ts'
import { bool, integer, secret, size } from '../../src/config/types/scalar.ts'
import { baseUrl } from '../../src/config/types/url.ts'

/** Accepted texts with their values as text, and refused texts. */
function table<T>(
  name: string,
  type: ValueType<T>,
  good: Readonly<Record<string, unknown>>,
  bad: readonly string[],
): void {
  describe(name, () => {
    for (const [text, value] of Object.entries(good)) {
      it(`reads ${JSON.stringify(text)} and what it writes itself`, () => {
        const result = type.parse(text)
        assert.ok(result.ok, result.ok ? '' : result.problem)
        assert.deepEqual(result.value, value)
        const again = type.parse(type.format(result.value))
        assert.deepEqual(again.ok && again.value, value)
      })
    }
    for (const text of bad) {
      it(`refuses ${JSON.stringify(text)}`, () => {
        const result = type.parse(text)
        assert.equal(result.ok, false)
        assert.ok(!result.ok && result.problem.length > 10)
      })
    }
  })
}

const day = 86_400_000

table(
  'duration',
  duration({ minMs: 0, maxMs: 365 * day }),
  {
    '0': 0,
    '0s': 0,
    '1500ms': 1500,
    '1.5h': 5_400_000,
    '1h30m': 5_400_000,
    '1440h': 60 * day,
    '60d': 60 * day,
    '1d12h': 1.5 * day,
    '1500us': 2,
  },
  ['', '5', '-5s', '1h 30m', '1H', '1w', '5 s', '.5s', '1e3s', '1ns', '366d', 's'],
)

table('bool', bool, { '1': true, t: true, TRUE: true, False: false, f: false }, [
  'yes',
  'on',
  '',
  'tRUE',
  '__proto__',
])
table('int', integer({ min: -5, max: 100 }), { '-5': -5, '0': 0, '100': 100 }, [
  '',
  '101',
  '-6',
  '1.0',
  '1e1',
  ' 1',
  '0x1',
  '+1',
])
table('size', size({ min: 1, max: 2 ** 30 }), { '1': 1, '16KiB': 16_384, '1GiB': 2 ** 30 }, [
  '',
  '0',
  '2GiB',
  '1kb',
  '1 MiB',
  '-1',
])
table('port list', ports, { '443': [443], ' 80 , 443,80': [80, 443] }, [
  '',
  '0',
  '65536',
  '080',
  '80;443',
  'https',
])
table('string list', strings, { 'a, b ,,c': ['a', 'b', 'c'], '': [] }, [])

table(
  'listen address',
  listenAddress,
  {
    ':8888': { host: '', port: 8888 },
    '0.0.0.0:0': { host: '0.0.0.0', port: 0 },
    '[::1]:8888': { host: '::1', port: 8888 },
    'LOCALHOST:1': { host: 'localhost', port: 1 },
  },
  [
    '',
    '8888',
    'localhost',
    '::1:8888',
    '127.1:80',
    'localhost:65536',
    'localhost:',
    '[::1%lo]:1',
    '[::ffff:127.0.0.1]:1',
    '[::ffff:0:0]:1',
    'http://localhost:1',
    'a b:1',
  ],
)

table('secret', { ...secret, format: value => value.reveal() }, {}, ['a b', 'a\nb', 'kéy', '“sk”'])

table('header name', headerName, { 'X-Actor': 'X-Actor' }, [
  '',
  'X Actor',
  'X-Actor:',
  'x-api-key',
  'AUTHORIZATION',
  'X-Forwarded-For',
  'Coder-Session-Token',
  'X-Coder-AI-Governance-Token',
  'Sec-WebSocket-Key',
  'Transfer-Encoding',
])

describe('CIDR lists', () => {
  const texts = (type: typeof privateCidrs, text: string) => {
    const result = type.parse(text)
    return result.ok ? result.value.map(cidr => cidr.text) : result.problem
  }

  it('read blocks of both families in canonical form', () => {
    assert.deepEqual(texts(privateCidrs, '10.0.0.0/8, FD00:0:0::/8,::1/128,'), [
      '10.0.0.0/8',
      'fd00::/8',
      '::1/128',
    ])
    assert.deepEqual(texts(nat64Prefixes, '64:ff9b::/96'), ['64:ff9b::/96'])
  })

  it('tell every bad entry', () => {
    const problem = texts(privateCidrs, '10/8,10.0.0.0/8,10.0.0.1')
    assert.match(
      String(problem),
      /"10\/8": .*; .*"10\.0\.0\.1": a single address needs its length: 10\.0\.0\.1\/32/,
    )
  })

  it('exempt no IPv4 in IPv6 form', () => {
    for (const text of [
      '::ffff:10.0.0.0/104',
      '::/8',
      '::ffff:0:10.0.0.0/104',
      '::ffff:0:0:0/90',
    ]) {
      assert.match(String(texts(privateCidrs, text)), /IPv4 addresses in IPv6 form/, text)
    }
  })

  it('keep NAT64 prefixes to RFC 6052', () => {
    for (const text of ['64:ff9b::/95', '10.0.0.0/32', '::/96']) {
      assert.match(String(texts(nat64Prefixes, text)), /^invalid NAT64 prefix/)
    }
  })
})

describe('base URLs', () => {
  const type = baseUrl('invalid base URL')

  it('give origin and path apart', () => {
    for (const [text, origin, path] of [
      ['https://GW.example', 'gw.example:443', ''],
      ['https://gw.example:8443/a/b//', 'gw.example:8443', '/a/b'],
      ['http://[::1]:8080/v1', '[::1]:8080', '/v1'],
    ] as const) {
      const result = type.parse(text)
      assert.deepEqual(result.ok && [result.value.origin.target.text, result.value.path], [
        origin,
        path,
      ])
    }
  })

  for (const text of [
    '',
    'gw.example',
    'https://',
    'https:/gw.example',
    'https://gw.example:0',
    'https://gw .example',
    'https://gw.example\\x',
    'https://@gw.example',
    'https://gw.example?',
    'wss://gw.example',
    'https://gw.example\n/',
  ]) {
    it(`refuse ${JSON.stringify(text)}`, () => assert.equal(type.parse(text).ok, false))
  }
})

describe('listen addresses', () => {
  it('collide on one port, also where one of them is every interface', () => {
    const at = (host: string, port = 1) => ({ host, port })
    assert.ok(collide(at('127.0.0.1'), at('127.0.0.1')))
    assert.ok(collide(at(''), at('127.0.0.1')))
    assert.ok(collide(at('::1'), at('::')))
    assert.ok(!collide(at('127.0.0.1'), at('127.0.0.2')))
    assert.ok(!collide(at('127.0.0.1', 0), at('127.0.0.1', 0)))
  })

  it('are loopback only where nothing else can be meant', () => {
    for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) {
      assert.ok(isLoopbackListener({ host, port: 1 }), host)
    }
    for (const host of ['', '0.0.0.0', '::', '10.0.0.1', 'localhost.example', '::ffff:7f00:1']) {
      assert.ok(!isLoopbackListener({ host, port: 1 }), host)
    }
  })
})
