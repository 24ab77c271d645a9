import type { Memory } from '../../kernel/memory.ts'
import type { Framing } from '../usage/format.ts'
import { type JsonObject, parseObject } from '../usage/json-value.ts'
import type { ResponseFold } from '../usage/response-fold.ts'
import { amazonEvent } from './amazon-event.ts'
import { type EventStreamMessage, EventStreamParser } from './event-stream-parser.ts'
import { JsonArrayParser } from './json-array-parser.ts'
import { isBomb } from './parse-body.ts'
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
          const value = amazonObject(message)
          if (value === undefined) onGap()
          else fold.event(value, undefined)
        },
      })
  }
}

function text(data: string, name: string | undefined, { fold, onGap }: Options): void {
  if (data.startsWith('[DONE]')) return fold.done()
  const value = isBomb(data) ? undefined : parseObject(data)
  if (value !== undefined) fold.event(value, name)
  else if (data.trim() !== '') onGap()
}

function amazonObject(message: EventStreamMessage): JsonObject | undefined {
  const event = amazonEvent(message)
  if (event.kind === 'event') return parseObject(event.text)
  return { type: 'error', error: { type: event.type, message: event.message } }
}
