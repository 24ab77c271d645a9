import type { ProviderType } from '../../kernel/provider.ts'
import { openai } from './openai.ts'

/**
 * Azure OpenAI, https://learn.microsoft.com/azure/ai-foundry/openai/reference;
 * base URL `https://NAME.openai.azure.com/openai/v1`, or `…/openai` for the form
 * with deployments in the path. `api-version` is the client's business.
 */
export const azure: ProviderType = {
  ...openai,
  type: 'azure',
  canonicalHosts: [],
  defaultBaseUrl: undefined,
  bridged: { ...openai.bridged, '/deployments/*/chat/completions': 'openai-chat' },
  queryKey: 'api-key',
  attach: key => ['api-key', key.reveal()],
}
