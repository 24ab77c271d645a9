import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseFlags } from '../../src/config/flags.ts'

describe('parseFlags', () => {
  it('reads values behind a blank or an equals sign, and bools without one', () => {
    const { flags, rest } = parseFlags([
      'serve',
      '--aibridge-proxy-listen-addr',
      ':1',
      '--http-address=:2',
      '--aibridge-proxy-enabled',
      '--aibridge-enabled=false',
      'more',
    ])
    assert.deepEqual(flags, {
      'aibridge-proxy-listen-addr': [':1'],
      'http-address': [':2'],
      'aibridge-proxy-enabled': ['true'],
      'aibridge-enabled': ['false'],
    })
    assert.deepEqual(rest, ['serve', 'more'])
  })

  it('keeps every occurrence and knows the later names', () => {
    const { flags } = parseFlags([
      '--ai-gateway-proxy-allowed-ports=1',
      '--ai-gateway-proxy-allowed-ports',
      '2',
    ])
    assert.deepEqual(flags, { 'ai-gateway-proxy-allowed-ports': ['1', '2'] })
  })

  it('leaves what follows -- alone', () => {
    const { flags, rest } = parseFlags(['--prometheus-enable', '--', '--unknown', 'x'])
    assert.deepEqual([flags, rest], [{ 'prometheus-enable': ['true'] }, ['--unknown', 'x']])
  })

  it('stops at the first operand where a command line follows', () => {
    const { flags, rest } = parseFlags(['--prometheus-enable', 'claude', '--model', 'x'], {
      stopAtOperand: true,
    })
    assert.deepEqual([flags, rest], [{ 'prometheus-enable': ['true'] }, ['claude', '--model', 'x']])
  })

  it("reads a command's own flags", () => {
    const { flags } = parseFlags(['--user', 'ann', '--admin'], {
      own: { user: 'value', admin: 'switch' },
    })
    assert.deepEqual(flags, { user: ['ann'], admin: ['true'] })
  })

  it('tells all unknown flags and missing values at once, with suggestions', () => {
    assert.throws(
      () => parseFlags(['--htpp-address=:1', '--zzzzzzzzz', '--__proto__=x', '--access-url']),
      {
        name: 'ConfigurationError',
        problems: [
          '--htpp-address: unknown flag: did you mean --http-address?',
          '--zzzzzzzzz: unknown flag: see --help',
          '--__proto__: unknown flag: see --help',
          '--access-url: a value is missing: write --access-url VALUE',
        ],
      },
    )
  })
})
