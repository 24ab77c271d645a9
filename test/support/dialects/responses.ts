import type { JsonObject } from '../json.ts'
import {
  ANSWER_PIECES,
  ANSWER_TEXT,
  ANSWER_USAGE,
  type Answer,
  jsonAnswer,
  modelOf,
  namedEvents,
} from './answer.ts'

export type ResponseEvent = { readonly type: string } & JsonObject

const ITEM_ID = 'msg_local_1'
let responses = 0

/** OpenAI's Responses API over HTTP. */
export function responsesAnswer(request: JsonObject): Answer {
  return request['stream'] === true
    ? namedEvents(responseEvents(request))
    : jsonAnswer({ ...response(request), status: 'completed', output: [item('completed')] })
}

/**
 * The events of one response, in the order in which OpenAI sends them; over
 * WebSocket each is one text message. A warm-up (`generate: false`) has no
 * output.
 */
export function responseEvents(request: JsonObject): ResponseEvent[] {
  const base = response(request)
  const quiet = request['generate'] === false
  const output = quiet ? [] : [item('completed')]
  const last = { ...base, status: 'completed', output }

  const events: ResponseEvent[] = [
    { type: 'response.created', response: { ...base, status: 'in_progress' } },
    { type: 'response.in_progress', response: { ...base, status: 'in_progress' } },
    ...(quiet ? [] : outputEvents()),
    { type: 'response.completed', response: last },
  ]
  return events.map((event, index) => ({ ...event, sequence_number: index }))
}

function outputEvents(): ResponseEvent[] {
  const place = { item_id: ITEM_ID, output_index: 0, content_index: 0 }
  const deltas = ANSWER_PIECES.map(delta => ({
    type: 'response.output_text.delta',
    ...place,
    delta,
    logprobs: [],
  }))

  return [
    { type: 'response.output_item.added', output_index: 0, item: item('in_progress') },
    { type: 'response.content_part.added', ...place, part: part('') },
    ...deltas,
    { type: 'response.output_text.done', ...place, text: ANSWER_TEXT, logprobs: [] },
    { type: 'response.content_part.done', ...place, part: part(ANSWER_TEXT) },
    { type: 'response.output_item.done', output_index: 0, item: item('completed') },
  ]
}

function response(request: JsonObject): JsonObject {
  return {
    id: `resp_local_${++responses}`,
    object: 'response',
    created_at: 1_790_000_000,
    model: modelOf(request, 'gpt-5'),
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    output: [],
    parallel_tool_calls: true,
    tool_choice: 'auto',
    tools: [],
    usage: {
      input_tokens: ANSWER_USAGE.input,
      input_tokens_details: { cached_tokens: ANSWER_USAGE.cacheRead },
      output_tokens: ANSWER_USAGE.output,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: ANSWER_USAGE.input + ANSWER_USAGE.output,
    },
  }
}

function item(status: 'in_progress' | 'completed'): JsonObject {
  const content = status === 'completed' ? [part(ANSWER_TEXT)] : []
  return { id: ITEM_ID, type: 'message', role: 'assistant', status, content }
}

function part(text: string): JsonObject {
  return { type: 'output_text', text, annotations: [], logprobs: [] }
}
