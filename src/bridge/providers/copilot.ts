import type { ProviderType } from '../../kernel/provider.ts'
import { openaiError } from './dialects.ts'

/** GitHub Copilot; each user's own bearer, made from a GitHub login, is the only key. */
export const copilot: ProviderType = {
  type: 'copilot',
  canonicalHost: 'api.individual.githubcopilot.com',
  defaultBaseUrl: 'https://api.individual.githubcopilot.com',
  centralKey: false,
  routePrefix: '',
  bridged: ['/chat/completions', '/responses', '/v1/messages'],
  passthrough: ['/models', '/models/', '/agents/', '/mcp/', '/.well-known/', '/_ping', '/auto'],
  attach: key => ['Authorization', `Bearer ${key.reveal()}`],
  errorBody: openaiError,
}
