import type { ProviderType } from '../../kernel/provider.ts'
import { googleError } from './dialects.ts'

/**
 * The Gemini API, https://ai.google.dev/api. Clients send their key as header
 * or in the query; the central one goes into the header, which no log shows.
 */
export const google: ProviderType = {
  type: 'google',
  canonicalHosts: ['generativelanguage.googleapis.com'],
  defaultBaseUrl: 'https://generativelanguage.googleapis.com/',
  centralKey: true,
  routePrefix: '',
  bridged: {
    '/v1beta/models/*:generateContent': 'gemini',
    '/v1beta/models/*:streamGenerateContent': 'gemini',
    '/v1/models/*:generateContent': 'gemini',
    '/v1/models/*:streamGenerateContent': 'gemini',
    '/v1alpha/models/*:generateContent': 'gemini',
    '/v1alpha/models/*:streamGenerateContent': 'gemini',
    '/v1beta/openai/chat/completions': 'openai-chat',
  },
  passthrough: ['v1beta', 'v1', 'v1alpha'].flatMap(version => [
    `/${version}/models`,
    `/${version}/models/`,
    `/${version}/models/*:countTokens`,
    `/${version}/models/*:embedContent`,
    `/${version}/models/*:batchEmbedContents`,
  ]),
  queryKey: 'key',
  attach: key => ['x-goog-api-key', key.reveal()],
  errorBody: googleError,
}
