import assert from 'node:assert/strict'
import { test } from 'node:test'
import { redact } from '../../src/record/redact.ts'

/** Written in two pieces, so that no scanner of repositories takes them for real. */
const SECRETS = [
  ['sk-', 'ant-api03-abcdefghijklmnopqrstuvwxyz0123456789-AAAA'],
  ['sk-', 'proj-abcdefghijklmnopqrstuvwxyz0123456789'],
  ['sk-', 'abcdefghijklmnopqrstuvwx'],
  ['aibp_', 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ'],
  ['gh', 'p_abcdefghijklmnopqrstuvwxyz0123456789'],
  ['github_', 'pat_11ABCDEFG0abcdefghijkl_abcdefghijklmnop'],
  ['glpat', '-abcdefghijklmnopqrst'],
  ['xox', 'b-123456789012-abcdefghijkl'],
  ['AI', 'zaSyA0123456789abcdefghijklmnopqrstuvw'],
  ['AK', 'IAIOSFODNN7EXAMPLE'],
  ['npm', '_abcdefghijklmnopqrstuvwxyz0123456789'],
  ['sk_', 'live_abcdefghijklmnopqrstuvwx'],
  ['eyJ', 'hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P'],
  ['hf_', 'abcdefghijklmnopqrstuvwxyz01234567'],
].map(parts => parts.join(''))

for (const secret of SECRETS) {
  test(`a secret that begins with ${secret.slice(0, 8)} is masked wherever it stands`, () => {
    for (const text of [secret, `use "${secret}" for it`, `KEY=${secret}\nnext`, `(${secret})`]) {
      const masked = redact(text)
      assert.ok(masked.includes('[redacted]'), masked)
      assert.ok(!masked.includes(secret.slice(-12)), masked)
    }
  })
}

test('private keys are masked, an unfinished one to the end', () => {
  const key =
    '-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc\n-----END RSA PRIVATE KEY-----'
  assert.equal(
    redact(`before ${key} after`),
    'before -----BEGIN RSA PRIVATE KEY-----[redacted] after',
  )
  assert.equal(redact(key.slice(0, 50)), '-----BEGIN RSA PRIVATE KEY-----[redacted]')
})

test('passwords in URLs, assignments and headers are masked, and the rest stays', () => {
  const cases = [
    ['postgres://app:hunter22@db.internal/x', 'postgres://app:[redacted]@db.internal/x'],
    ['password: "correct-horse"', 'password: "[redacted]"'],
    ['{"api_key": "abcdef123456"}', '{"api_key": "[redacted]"}'],
    ['Authorization: Bearer abcdefghijklmnop1234', 'Authorization: Bearer [redacted]'],
    [
      ['aws_secret_access_key = wJalrXUtnFEMI/K7MDENG', '/bPxRfiCYEXAMPLEKEY'].join(''),
      'aws_secret_access_key = [redacted]',
    ],
  ] as const
  for (const [text, expected] of cases) assert.equal(redact(text), expected)
})

test('ordinary text passes as it is', () => {
  for (const text of [
    '',
    'rename sk-button to primary-button in the style sheet',
    'https://example.com:8443/path?x=1 and user@example.com',
    'the token limit is 4096; see https://docs.example/api_keys',
    'git commit 3f786850e387550fdab836ed7e6dc881de23001b',
  ]) {
    assert.equal(redact(text), text)
  }
})

test('a million characters of anything are masked in well under a second', () => {
  for (const piece of [
    'a',
    'eyJ',
    '-----BEGIN ',
    'aws secret ',
    'http://a:',
    'password=',
    'sk-',
    ' ',
  ]) {
    const start = performance.now()
    redact(piece.repeat(1_000_000 / piece.length))
    const ms = performance.now() - start
    assert.ok(ms < 1000, `${JSON.stringify(piece)} took ${ms.toFixed(0)} ms`)
  }
})
