import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseBody } from '../../../src/bridge/tap/parse-body.ts'

const MILLION = 1_000_000

describe('a body of many values', () => {
  const members = (count: number): string =>
    `{${Array.from({ length: count }, (_, i) => `"${i.toString(36)}":0`).join(',')}}`
  const cases: readonly (readonly [what: string, body: string, isRead: boolean])[] = [
    ['arrays', `{"a":[${'[],'.repeat(MILLION)}0]}`, false],
    ['objects', `{"a":[${'{},'.repeat(MILLION)}0]}`, false],
    ['members', members(600_000), false],
    ['numbers', `{"a":[${'0.1,'.repeat(MILLION)}0]}`, true],
    ['punctuation in texts', `{"a":"${'[{,:'.repeat(MILLION)}"}`, true],
    ['texts that end in backslashes', `{"a":["${'\\\\","'.repeat(300_000)}"]}`, true],
    ['texts of quotes', `{"a":"${'\\"['.repeat(MILLION)}"}`, true],
    ['punctuation behind a quote that is none', `{"a":"\\"${',"'.repeat(MILLION)}`, false],
  ]
  for (const [what, body, isRead] of cases) {
    it(`${isRead ? 'is read' : 'is left unread'}: ${what}`, () => {
      assert.equal(parseBody(Buffer.from(body)) !== undefined, isRead)
    })
  }
})
