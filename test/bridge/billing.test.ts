import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { billingOf } from '../../src/bridge/billing.ts'
import { anthropic } from '../../src/bridge/providers/anthropic.ts'
import { copilot } from '../../src/bridge/providers/copilot.ts'
import { openai } from '../../src/bridge/providers/openai.ts'
import type { ProviderType } from '../../src/kernel/provider.ts'

function jwt(claims: unknown): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJl`
}

const CHATGPT = jwt({ iss: 'https://auth.openai.com', aud: ['https://api.openai.com/v1'] })

const CASES: readonly (readonly [
  what: string,
  type: ProviderType,
  credential: string,
  plan: boolean,
])[] = [
  ['an API key of Anthropic', anthropic, 'sk-ant-api03-0123456789', false],
  ['a login of Claude', anthropic, 'sk-ant-oat01-0123456789', true],
  ['an API key of OpenAI', openai, 'sk-proj-0123456789', false],
  ['a login of ChatGPT', openai, CHATGPT, true],
  ["a company's own JWT", openai, jwt({ iss: 'https://login.example' }), false],
  ['what only looks like a JWT', openai, 'a.b.c', false],
  ['a JWT of nothing', openai, jwt(null), false],
  ['anything at Copilot', copilot, 'tid=0123;exp=1', true],
]

describe('billingOf', () => {
  for (const [what, type, credential, plan] of CASES) {
    it(`takes ${what} for ${plan ? 'a subscription' : 'metered'}`, () => {
      assert.equal(billingOf(credential, type), plan ? 'subscription' : 'metered')
    })
  }
})
