import type { ProviderType } from '../../kernel/provider.ts'
import { openai } from './openai.ts'

/**
 * Anything that speaks OpenAI's API at a base URL of its own: vLLM, Ollama,
 * LiteLLM, … Many of them speak Anthropic's beside it.
 */
export const openaiCompat: ProviderType = {
  ...openai,
  type: 'openai-compat',
  canonicalHosts: [],
  defaultBaseUrl: undefined,
  bridged: { ...openai.bridged, '/messages': 'anthropic-messages' },
}
