import type { ProviderType } from '../../kernel/provider.ts'
import { openaiError } from './dialects.ts'

/**
 * GitHub Copilot, a host for each plan; which one a client uses its login says
 * (`/copilot_internal/user`). Each user's own bearer, made from that login, is
 * the only key, and good for the one host.
 */
export const copilot: ProviderType = {
  type: 'copilot',
  canonicalHosts: [
    'api.individual.githubcopilot.com',
    'api.business.githubcopilot.com',
    'api.enterprise.githubcopilot.com',
  ],
  defaultBaseUrl: 'https://api.individual.githubcopilot.com',
  centralKey: false,
  subscription: true,
  routePrefix: '',
  bridged: {
    '/chat/completions': 'openai-chat',
    '/responses': 'openai-responses',
    '/v1/messages': 'anthropic-messages',
  },
  passthrough: ['/models', '/models/', '/agents/', '/mcp/', '/.well-known/', '/_ping', '/auto'],
  attach: key => ['Authorization', `Bearer ${key.reveal()}`],
  errorBody: openaiError,
}
