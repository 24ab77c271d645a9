import type { ProviderType } from '../../kernel/provider.ts'
import { bedrockError } from './dialects.ts'

/**
 * Claude on Amazon Bedrock, for Anthropic's clients (translated) and for those
 * of Bedrock's own runtime API
 * (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html).
 * What goes with the operator's keys is signed in `bridge/bedrock`.
 */
export const bedrock: ProviderType = {
  type: 'bedrock',
  canonicalHosts: [],
  defaultBaseUrl: undefined,
  centralKey: true,
  routePrefix: '',
  bridged: {
    '/v1/messages': 'anthropic-messages',
    '/model/*/invoke': 'bedrock-messages',
    '/model/*/invoke-with-response-stream': 'bedrock-messages',
  },
  passthrough: ['/model/*/converse', '/model/*/converse-stream', '/model/*/count-tokens'],
  costly: ['/model/*/converse', '/model/*/converse-stream'],
  translated: ['/v1/messages'],
  attach: () => [],
  errorBody: bedrockError,
}
