import type { JsonObject } from '../json.ts'

/** What a provider says to one request: one chunk, or the events of a stream. */
export interface Answer {
  readonly contentType: string
  readonly chunks: readonly (string | Buffer)[]
}

/** The text of every answer; clients must show it unchanged. */
export const ANSWER_TEXT = 'Hello from the local provider.'

/** The tokens that every answer bills, in all dialects. */
export const ANSWER_USAGE = { input: 11, output: 7, cacheRead: 5, cacheWrite: 3 } as const

/** A tool that the model wants used, instead of a text. */
export interface ToolCall {
  readonly id: string
  readonly name: string
  readonly input: JsonObject
}

/** The arguments as models stream them: JSON text, cut anywhere. */
export function argumentPieces({ input }: ToolCall): readonly string[] {
  return JSON.stringify(input).match(/.{1,8}/gsu) ?? []
}

/** The text in pieces, as a model streams it. */
export const ANSWER_PIECES: readonly string[] = ANSWER_TEXT.match(/\S+\s*/g) ?? []

export function jsonAnswer(body: unknown): Answer {
  return { contentType: 'application/json', chunks: [JSON.stringify(body)] }
}

/** Server-sent events that carry their type twice, as Anthropic's and OpenAI's do. */
export function namedEvents(events: readonly ({ type: string } & JsonObject)[]): Answer {
  const chunks = events.map(event => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  return { contentType: 'text/event-stream; charset=utf-8', chunks }
}

export function modelOf(request: JsonObject, fallback: string): string {
  return typeof request['model'] === 'string' ? request['model'] : fallback
}
