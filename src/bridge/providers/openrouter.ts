import type { ProviderType } from '../../kernel/provider.ts'
import { openaiCompat } from './openai-compat.ts'

/** https://openrouter.ai/docs/api-reference. */
export const openrouter: ProviderType = {
  ...openaiCompat,
  type: 'openrouter',
  canonicalHosts: ['openrouter.ai'],
  defaultBaseUrl: 'https://openrouter.ai/api/v1/',
}
