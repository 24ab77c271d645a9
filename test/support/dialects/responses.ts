import type { JsonObject } from '../json.ts'
import {
  ANSWER_PIECES,
  ANSWER_TEXT,
  ANSWER_USAGE,
  type Answer,
  argumentPieces,
  jsonAnswer,
  modelOf,
  namedEvents,
  type ToolCall,
} from './answer.ts'

export type ResponseEvent = { readonly type: string } & JsonObject

const ITEM_ID = 'msg_local_1'
const TOOL_ITEM_ID = 'fc_local_1'
let responses = 0

/** OpenAI's Responses API over HTTP. */
export function responsesAnswer(request: JsonObject, toolCall?: ToolCall): Answer {
  return request['stream'] === true
    ? namedEvents(responseEvents(request, toolCall))
    : jsonAnswer({ ...response(request), status: 'completed', output: [finished(toolCall)] })
}

/**
 * The events of one response, in the order in which OpenAI sends them; over
 * WebSocket each is one text message. A warm-up (`generate: false`) has no
 * output.
 */
export function responseEvents(request: JsonObject, toolCall?: ToolCall): ResponseEvent[] {
  const base = response(request)
  const quiet = request['generate'] === false
  const output = quiet ? [] : [finished(toolCall)]
  const events = toolCall === undefined ? outputEvents() : toolEvents(toolCall)
  const last = { ...base, status: 'completed', output }

  const all: ResponseEvent[] = [
    { type: 'response.created', response: { ...base, status: 'in_progress' } },
    { type: 'response.in_progress', response: { ...base, status: 'in_progress' } },
    ...(quiet ? [] : events),
    { type: 'response.completed', response: last },
  ]
  return all.map((event, index) => ({ ...event, sequence_number: index }))
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

function toolEvents(toolCall: ToolCall): ResponseEvent[] {
  const place = { item_id: TOOL_ITEM_ID, output_index: 0 }
  const deltas = argumentPieces(toolCall).map(delta => ({
    type: 'response.function_call_arguments.delta',
    ...place,
    delta,
  }))
  const whole = JSON.stringify(toolCall.input)

  return [
    { type: 'response.output_item.added', output_index: 0, item: toolItem(toolCall, '') },
    ...deltas,
    { type: 'response.function_call_arguments.done', ...place, arguments: whole },
    { type: 'response.output_item.done', output_index: 0, item: finished(toolCall) },
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

function finished(toolCall: ToolCall | undefined): JsonObject {
  if (toolCall === undefined) return item('completed')
  return toolItem(toolCall, JSON.stringify(toolCall.input))
}

function toolItem({ id, name }: ToolCall, json: string): JsonObject {
  const status = json === '' ? 'in_progress' : 'completed'
  return { id: TOOL_ITEM_ID, type: 'function_call', call_id: id, name, arguments: json, status }
}

function item(status: 'in_progress' | 'completed'): JsonObject {
  const content = status === 'completed' ? [part(ANSWER_TEXT)] : []
  return { id: ITEM_ID, type: 'message', role: 'assistant', status, content }
}

function part(text: string): JsonObject {
  return { type: 'output_text', text, annotations: [], logprobs: [] }
}
