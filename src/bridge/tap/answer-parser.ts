import type { Framing } from '../usage/format.ts'
import { asName, asObject, asText, type JsonObject, parseObject } from '../usage/json-value.ts'
import type { ResponseFold } from '../usage/response-fold.ts'
import { type EventStreamMessage, EventStreamParser } from './event-stream-parser.ts'
import { JsonArrayParser } from './json-array-parser.ts'
import type { Memory } from './memory.ts'
import { SseParser } from './sse-parser.ts'

/** Feeds a fold from the bytes of a stream. */
export interface AnswerParser {
  push(bytes: Buffer): void
  end(): void
}

interface Options {
  readonly fold: ResponseFold
  readonly memory: Memory
  readonly eventBytes: number
  /** Something could not be read and was left out. */
  readonly onGap: () => void
}

/** The parser for a framing that has events. */
export function createAnswerParser(
  framing: Exclude<Framing, 'json' | 'unknown'>,
  options: Options,
): AnswerParser {
  const { fold, memory, eventBytes, onGap } = options
  switch (framing) {
    case 'sse':
      return new SseParser({
        memory,
        maxEventBytes: eventBytes,
        onOversized: onGap,
        onEvent: ({ name, data }) => text(data, name, options),
      })
    case 'json-array':
      return new JsonArrayParser({
        memory,
        maxEventBytes: eventBytes,
        onOversized: onGap,
        onText: data => text(data, undefined, options),
      })
    case 'event-stream':
      return new EventStreamParser({
        memory,
        maxMessageBytes: eventBytes,
        onSkipped: onGap,
        onMessage: message => {
          const value = amazonEvent(message)
          if (value === undefined) onGap()
          else fold.event(value, undefined)
        },
      })
  }
}

function text(data: string, name: string | undefined, { fold, onGap }: Options): void {
  if (data.startsWith('[DONE]')) return fold.done()
  const value = parseObject(data)
  if (value !== undefined) fold.event(value, name)
  else if (data.trim() !== '') onGap()
}

/**
 * Bedrock carries the model's own event as base64 in `bytes`
 * (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html);
 * an exception takes the place of an event.
 */
function amazonEvent({ headers, payload }: EventStreamMessage): JsonObject | undefined {
  const value = parseObject(payload.toString())
  const kind = headers.get(':message-type') ?? 'event'
  if (kind !== 'event') {
    const type = headers.get(':exception-type') ?? headers.get(':error-code') ?? kind
    const message = asName(value?.['message']) ?? headers.get(':error-message')
    return { type: 'error', error: { type, message } }
  }
  const bytes = asText(asObject(value?.['chunk'])?.['bytes']) ?? asText(value?.['bytes'])
  return bytes === undefined ? value : parseObject(Buffer.from(bytes, 'base64').toString())
}
