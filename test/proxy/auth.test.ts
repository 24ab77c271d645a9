import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Refusal } from '../../src/kernel/error.ts'
import { basicPassword, bearerToken, createAuthenticate } from '../../src/proxy/auth.ts'

const basic = (text: string | Buffer): string => `Basic ${Buffer.from(text).toString('base64')}`

describe('basicPassword', () => {
  const accepted: [title: string, header: string, password: string][] = [
    ['takes what is behind the first colon', basic('coder:tok:en'), 'tok:en'],
    ['knows the scheme in any case', basic('coder:token').replace('Basic', 'bAsIC'), 'token'],
    [
      'lets several blanks stand after the scheme',
      basic('coder:token').replace(' ', '   '),
      'token',
    ],
    ['reads UTF-8', basic('jürgen:pässwörd'), 'pässwörd'],
    ['lets the user name be empty', basic(':token'), 'token'],
    ['forgives missing padding', basic('coder:token').replace(/=+$/, ''), 'token'],
  ]
  for (const [title, header, password] of accepted) {
    it(title, () => assert.equal(basicPassword(header), password))
  }

  const refused: [title: string, header: string][] = [
    ['no colon', basic('token')],
    ['an empty password', basic('coder:')],
    ['another scheme', `Bearer ${Buffer.from('coder:token').toString('base64')}`],
    ['nothing after the scheme', 'Basic '],
    ['the URL alphabet of base64', 'Basic Y29kZXI6dG9r_w=='],
    ['characters outside base64', 'Basic Y29kZX I6dG9rZW4='],
    ['base64 that does not encode back', 'Basic Y29kZXI6dG9rZW5='],
    ['a NUL in the user name', basic('co\0der:token')],
    ['a line break in the user name', basic('coder\nX: y:token')],
    ['a NUL in the password', basic('coder:tok\0en')],
    ['a line break in the password', basic('coder:tok\r\nen')],
    ['bytes that are not UTF-8', basic(Buffer.from([0x61, 0x3a, 0xff, 0xfe]))],
    ['more than 12 KiB', basic(`coder:${'x'.repeat(9300)}`)],
  ]
  for (const [title, header] of refused) {
    it(`refuses ${title}`, () => assert.equal(basicPassword(header), undefined))
  }
})

describe('bearerToken', () => {
  it('takes a token in the characters of RFC 6750', () => {
    assert.equal(bearerToken('bEARER  aZ09-._~+/=='), 'aZ09-._~+/==')
  })

  const refused: [title: string, header: string][] = [
    ['another scheme', 'Basic abc'],
    ['nothing after the scheme', 'Bearer '],
    ['two words', 'Bearer a b'],
    ['padding within', 'Bearer a=b'],
    ['characters outside', 'Bearer a,b'],
    ['more than 12 KiB', `Bearer ${'x'.repeat(12 * 1024)}`],
  ]
  for (const [title, header] of refused) {
    it(`refuses ${title}`, () => assert.equal(bearerToken(header), undefined))
  }
})

describe('createAuthenticate', () => {
  const identity = { user: 'ada', tokenId: 't1', admin: false }
  const asked: string[] = []
  const authenticate = createAuthenticate({
    mode: 'required',
    lookup: async token => {
      asked.push(token)
      if (token === 'down') throw new Error('disk on fire')
      return token === 'good' ? { identity, isValid: () => true } : undefined
    },
  })
  const rejectsWith = (reason: string) => (error: unknown) =>
    error instanceof Refusal && error.reason === reason

  it('gives the identity and keeps the token as a secret', async () => {
    const caller = await authenticate([basic('x:good')])
    assert.deepEqual(caller.identity, identity)
    assert.equal(caller.token?.reveal(), 'good')
    assert.ok(!JSON.stringify(caller).includes('good'))
  })

  it('challenges a request without credentials', async () => {
    await assert.rejects(authenticate([]), rejectsWith('auth_missing'))
  })

  it('refuses two credentials even when the first is good', async () => {
    await assert.rejects(
      authenticate([basic('x:good'), basic('x:other')]),
      rejectsWith('auth_invalid'),
    )
  })

  it('does not ask the store about malformed credentials', async () => {
    asked.length = 0
    await assert.rejects(authenticate(['Basic !!']), rejectsWith('auth_invalid'))
    assert.deepEqual(asked, [])
  })

  it('tells a store that is down from a wrong token', async () => {
    await assert.rejects(authenticate([basic('x:down')]), rejectsWith('auth_unavailable'))
    await assert.rejects(authenticate([basic('x:bad')]), rejectsWith('auth_invalid'))
  })

  it('lets everybody in as anonymous when it is switched off', async () => {
    const open = createAuthenticate({ mode: 'off', lookup: async () => undefined })
    const caller = await open([])
    assert.equal(caller.identity.user, 'anonymous')
    assert.equal(caller.token, undefined)
  })
})
