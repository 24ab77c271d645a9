import type { ProviderType } from '../../kernel/provider.ts'
import { openai } from './openai.ts'

/** Anything that speaks OpenAI's API at a base URL of its own: vLLM, Ollama, LiteLLM, … */
export const openaiCompat: ProviderType = {
  ...openai,
  type: 'openai-compat',
  canonicalHost: undefined,
  defaultBaseUrl: undefined,
}
