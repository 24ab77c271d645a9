import { readJwt } from '../kernel/jwt.ts'
import type { Billing } from '../kernel/price.ts'
import type { ProviderType } from '../kernel/provider.ts'

/**
 * How a call with this credential is paid for. A login to a plan is no key:
 * Claude's OAuth tokens have a prefix of their own, and ChatGPT's are JWTs of
 * OpenAI's login, which also come to hosts where others send API keys.
 */
export function billingOf(credential: string, type: ProviderType): Billing {
  if (type.subscription === true) return 'subscription'
  if (credential.startsWith('sk-ant-oat')) return 'subscription'
  // Unproven, and good enough for counting.
  return readJwt(credential)?.claims['iss'] === 'https://auth.openai.com'
    ? 'subscription'
    : 'metered'
}
