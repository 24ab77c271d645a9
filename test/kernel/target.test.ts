import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import {
  addressText,
  hostForUrl,
  hostHeader,
  hostText,
  isLocalhostName,
  isLoopbackHost,
  parseAuthority,
  parseHost,
  parseHostHeader,
} from '../../src/kernel/target.ts'
import { CORPUS, wireOf } from '../support/ssrf-corpus.ts'

const accepted = (text: string): string => {
  const parsed = parseAuthority(text)
  return parsed.ok ? parsed.target.text : parsed.reason
}

describe('the kind of a host', () => {
  for (const [text, kind] of [
    ['192.0.2.1', 'address'],
    ['[2001:db8::1]', 'address'],
    ['a.example', 'name'],
  ] as const) {
    it(`of ${text} is ${kind}`, () => {
      const parsed = parseHost(text)
      assert.equal(parsed.ok && parsed.host.kind, kind)
    })
  }
})

describe('parseAuthority', () => {
  for (const entry of CORPUS.entries) {
    const wire = wireOf(entry)
    if (entry.verdict === 'refused-as-malformed') {
      it(`refuses ${entry.id} with ${entry.reason}`, () => {
        assert.deepEqual(parseAuthority(wire), { ok: false, reason: entry.reason })
      })
    } else {
      it(`accepts ${entry.id}, whatever policy says later`, () => {
        assert.equal(parseAuthority(wire).ok, true)
      })
    }
  }

  it('folds ASCII case and nothing else', () => {
    assert.equal(accepted('API.OpenAI.com:443'), 'api.openai.com:443')
    // U+212A KELVIN SIGN lower-cases to k in Unicode.
    assert.equal(accepted('\u212a.example:443'), 'host_grammar')
    assert.equal(accepted('\u0130.example:443'), 'host_grammar')
  })

  it('gives every spelling of one IPv6 address the same text', () => {
    for (const text of ['[2001:DB8:0:0:0::1]:80', '[2001:0db8::0.0.0.1]:80', '[2001:db8::1]:80']) {
      assert.equal(accepted(text), '[2001:db8::1]:80')
    }
  })

  it('keeps to the limits of labels and names', () => {
    const label = 'a'.repeat(63)
    const name = `${label}.${label}.${label}.${'a'.repeat(61)}`
    assert.equal(name.length, 253)
    assert.equal(accepted(`${name}:443`), `${name}:443`)
    assert.equal(accepted(`${name}a:443`), 'host_grammar')
    assert.equal(accepted(`${name}.:443`), 'trailing_dot')
    assert.equal(accepted(`a${label}.example:443`), 'host_grammar')
  })

  it('takes ports from 1 to 65535 in one spelling', () => {
    assert.equal(accepted('a.example:1'), 'a.example:1')
    assert.equal(accepted('a.example:65535'), 'a.example:65535')
    for (const port of ['0', '00443', '0443', '+443', '1e3', '443 ', '0x50', '99999', '4\n']) {
      assert.equal(accepted(`a.example:${port}`), 'port_grammar', port)
    }
  })

  it('refuses names that a resolver would take for an IPv4 address', () => {
    for (const text of ['0x', 'a.0x7f', 'example.1', '1.2.3.4.5', '0X7F.0.0.1']) {
      assert.equal(accepted(`${text}:443`), 'ipv4_noncanonical', text)
    }
    assert.equal(accepted('1.example:443'), '1.example:443')
    assert.equal(accepted('0x1.a1:443'), '0x1.a1:443')
  })

  it('accepts a name in exactly the spellings that differ in case', () => {
    const label = fc.stringMatching(/^[a-z_][a-z0-9_]{0,9}$/)
    const names = fc.array(label, { minLength: 1, maxLength: 4 }).map(labels => labels.join('.'))
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 65535 }), (name, port) => {
        assert.equal(accepted(`${name.toUpperCase()}:${port}`), `${name}:${port}`)
      }),
    )
  })
})

describe('parseHostHeader', () => {
  it('takes the default port when there is none', () => {
    const parsed = parseHostHeader('Example.com', 80)
    assert.equal(parsed.ok && parsed.target.text, 'example.com:80')
    const v6 = parseHostHeader('[::1]', 80)
    assert.equal(v6.ok && v6.target.text, '[::1]:80')
  })

  it('takes the port that is there, and refuses an empty one', () => {
    const parsed = parseHostHeader('example.com:8080', 80)
    assert.equal(parsed.ok && parsed.target.port, 8080)
    assert.deepEqual(parseHostHeader('example.com:', 80), { ok: false, reason: 'port_missing' })
    assert.deepEqual(parseHostHeader('', 80), { ok: false, reason: 'host_grammar' })
  })
})

describe('isLocalhostName', () => {
  it('knows the names of RFC 6761 and no others', () => {
    assert.equal(isLocalhostName('localhost'), true)
    assert.equal(isLocalhostName('a.localhost'), true)
    assert.equal(isLocalhostName('alocalhost'), false)
    assert.equal(isLocalhostName('localhost.example'), false)
  })
})

describe('isLoopbackHost', () => {
  const cases: readonly (readonly [text: string, expected: boolean])[] = [
    ['localhost', true],
    ['a.localhost', true],
    ['example.com', false],
    ['127.0.0.1', true],
    ['127.255.0.9', true],
    ['128.0.0.1', false],
    ['[::1]', true],
    ['[::2]', false],
    ['[7f00::1]', false],
  ]
  for (const [text, expected] of cases) {
    it(`says ${expected} of ${text}`, () => {
      const parsed = parseHost(text)
      assert.ok(parsed.ok)
      assert.equal(isLoopbackHost(parsed.host), expected)
    })
  }
})

describe('hostHeader', () => {
  const cases: readonly (readonly [protocol: 'http' | 'https', text: string, header: string])[] = [
    ['https', 'a.example:443', 'a.example'],
    ['https', 'a.example:80', 'a.example:80'],
    ['http', 'a.example:80', 'a.example'],
    ['http', 'a.example:443', 'a.example:443'],
    ['https', '[::1]:443', '[::1]'],
  ]
  for (const [protocol, text, header] of cases) {
    it(`is ${header} for ${protocol} to ${text}`, () => {
      const parsed = parseAuthority(text)
      assert.ok(parsed.ok)
      assert.equal(hostHeader({ protocol, target: parsed.target }), header)
    })
  }
})

describe('addressText', () => {
  it('has brackets around an IPv6 address, and a port where there is one', () => {
    assert.equal(addressText('a.example'), 'a.example')
    assert.equal(addressText('10.0.0.1', 8888), '10.0.0.1:8888')
    assert.equal(addressText('::1'), '[::1]')
    assert.equal(addressText('::1', 8888), '[::1]:8888')
  })
})

describe('parseHost', () => {
  it('takes names, IPv4, and IPv6 in brackets', () => {
    for (const [text, key, inUrl] of [
      ['API.example', 'api.example', 'api.example'],
      ['10.0.0.1', '10.0.0.1', '10.0.0.1'],
      ['[FD00::1]', 'fd00::1', '[fd00::1]'],
    ] as const) {
      const parsed = parseHost(text)
      assert.ok(parsed.ok)
      assert.equal(hostText(parsed.host), key)
      assert.equal(hostForUrl(parsed.host), inUrl)
    }
  })

  it('refuses a port, a bare IPv6 address and a URL', () => {
    assert.deepEqual(parseHost('a.example:443'), { ok: false, reason: 'host_grammar' })
    assert.deepEqual(parseHost('::1'), { ok: false, reason: 'host_grammar' })
    assert.deepEqual(parseHost('http://a.example'), { ok: false, reason: 'authority_form' })
  })
})
