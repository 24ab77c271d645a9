import type { WireFormat } from '../../kernel/usage.ts'
import { AnthropicFold } from './anthropic-response.ts'
import { ChatFold } from './chat-response.ts'
import { GeminiFold } from './gemini-response.ts'
import type { ResponseFold } from './response-fold.ts'
import { ResponsesFold } from './responses-response.ts'

/** How the body of an answer is divided into events. */
export type Framing = 'sse' | 'json' | 'json-array' | 'event-stream' | 'unknown'

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
