import type { ProviderType } from '../../kernel/provider.ts'
import { openai } from './openai.ts'

/**
 * What Codex talks to with a ChatGPT login, whose bearer is the only key. Off
 * unless configured: the host serves the whole of ChatGPT, and Codex does not
 * start when any of it fails.
 */
export const chatgpt: ProviderType = {
  ...openai,
  type: 'chatgpt',
  canonicalHosts: ['chatgpt.com'],
  defaultBaseUrl: 'https://chatgpt.com/backend-api/codex',
  centralKey: false,
  subscription: true,
  // No list: what needs no key of ours needs no permission for one either.
  passthrough: [],
  wholeHost: true,
}
