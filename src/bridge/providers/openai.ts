import type { ProviderType } from '../../kernel/provider.ts'
import { openaiError } from './dialects.ts'

/** https://platform.openai.com/docs/api-reference; base URL with `/v1`. */
export const openai: ProviderType = {
  type: 'openai',
  canonicalHosts: ['api.openai.com'],
  defaultBaseUrl: 'https://api.openai.com/v1/',
  centralKey: true,
  routePrefix: '/v1',
  bridged: {
    '/chat/completions': 'openai-chat',
    '/responses': 'openai-responses',
    '/responses/compact': 'openai-responses',
  },
  passthrough: ['/conversations', '/conversations/', '/models', '/models/', '/responses/'],
  retrievals: { '/responses/': 'openai-responses' },
  attach: key => ['Authorization', `Bearer ${key.reveal()}`],
  errorBody: openaiError,
}
