import type { ProviderType } from '../../kernel/provider.ts'
import { openaiCompat } from './openai-compat.ts'

/** https://vercel.com/docs/ai-gateway. */
export const vercel: ProviderType = {
  ...openaiCompat,
  type: 'vercel',
  canonicalHosts: ['ai-gateway.vercel.sh'],
  defaultBaseUrl: 'https://ai-gateway.vercel.sh/v1/',
}
