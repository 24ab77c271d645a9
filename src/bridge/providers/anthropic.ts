import type { ProviderType } from '../../kernel/provider.ts'
import { anthropicError } from './dialects.ts'

/** https://docs.anthropic.com/en/api; base URL without `/v1`. */
export const anthropic: ProviderType = {
  type: 'anthropic',
  canonicalHosts: ['api.anthropic.com'],
  defaultBaseUrl: 'https://api.anthropic.com/',
  centralKey: true,
  routePrefix: '',
  bridged: { '/v1/messages': 'anthropic-messages' },
  passthrough: ['/v1/models', '/v1/models/', '/v1/messages/count_tokens', '/api/event_logging/'],
  attach: key => ['X-Api-Key', key.reveal()],
  errorBody: anthropicError,
}
