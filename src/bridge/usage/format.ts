import { AnthropicFold } from './anthropic-response.ts'
import { ChatFold } from './chat-response.ts'
import { GeminiFold } from './gemini-response.ts'
import type { ResponseFold } from './response-fold.ts'
import { ResponsesFold } from './responses-response.ts'

/** What the bodies of a call mean. */
export type WireFormat =
  | 'anthropic-messages'
  | 'bedrock-messages'
  | 'openai-chat'
  | 'openai-responses'
  | 'gemini'

/** How the body of an answer is divided into events. */
export type Framing = 'sse' | 'json' | 'json-array' | 'event-stream' | 'unknown'

/**
 * Listed routes that are observed, for every type of provider: the routes of
 * two types that look alike mean the same (Copilot has all three without a
 * prefix of its own).
 */
const ROUTES: Readonly<Record<string, WireFormat>> = {
  '/v1/messages': 'anthropic-messages',
  '/chat/completions': 'openai-chat',
  '/v1/chat/completions': 'openai-chat',
  '/responses': 'openai-responses',
  '/v1/responses': 'openai-responses',
  '/responses/': 'openai-responses',
  '/v1/responses/': 'openai-responses',
  '/model/': 'bedrock-messages',
  '/models/': 'gemini',
  '/v1/models/': 'gemini',
  '/v1beta/models/': 'gemini',
}

/** In subtrees only calls of the model are observed; `types` where others differ. */
const SUBTREE: Partial<Record<WireFormat, { types?: readonly string[]; call: RegExp }>> = {
  // Reading a response again costs nothing; compacting a conversation does.
  'openai-responses': { call: /\/responses\/compact(?:\?|$)/ },
  gemini: {
    types: ['gemini', 'google'],
    call: /:(?:generateContent|streamGenerateContent)(?:\?|$)/,
  },
  'bedrock-messages': {
    types: ['bedrock', 'anthropic'],
    call: /\/invoke(?:-with-response-stream)?(?:\?|$)/,
  },
}

/**
 * The format of a call by its provider's type, the label of its route
 * (`bridge/route`) and its path; `undefined` for calls that carry no model's
 * answer.
 */
export function formatOf(type: string, label: string, path: string): WireFormat | undefined {
  const format = Object.hasOwn(ROUTES, label) ? ROUTES[label] : undefined
  const subtree = format === undefined || !label.endsWith('/') ? undefined : SUBTREE[format]
  if (subtree === undefined) return format
  const known = subtree.types?.includes(type) ?? true
  return known && subtree.call.test(path) ? format : undefined
}

const FRAMINGS: Readonly<Record<string, Framing>> = {
  'text/event-stream': 'sse',
  'application/json': 'json',
  'application/vnd.amazon.eventstream': 'event-stream',
}

/** How an answer is framed by its Content-Type; `unknown` has to be looked at. */
export function framingOf(format: WireFormat, contentType: string | undefined): Framing {
  const media = contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  const framing = Object.hasOwn(FRAMINGS, media) ? FRAMINGS[media] : undefined
  // Google streams a JSON array unless asked for SSE.
  if (framing === 'json' && format === 'gemini') return 'json-array'
  return framing ?? (media.endsWith('+json') ? 'json' : 'unknown')
}

export function createFold(format: WireFormat): ResponseFold {
  switch (format) {
    case 'anthropic-messages':
    case 'bedrock-messages':
      return new AnthropicFold()
    case 'openai-chat':
      return new ChatFold()
    case 'openai-responses':
      return new ResponsesFold()
    case 'gemini':
      return new GeminiFold()
  }
}
