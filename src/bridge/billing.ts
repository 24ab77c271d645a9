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
  return issuerOf(credential) === 'https://auth.openai.com' ? 'subscription' : 'metered'
}

/** Who a JWT says has made it: unproven, and good enough for counting. */
function issuerOf(credential: string): unknown {
  const [, payload, signature] = credential.split('.')
  if (payload === undefined || signature === undefined) return undefined
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString())
    return typeof claims === 'object' && claims !== null && 'iss' in claims ? claims.iss : undefined
  } catch {
    return undefined
  }
}
