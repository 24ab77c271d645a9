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

const MODEL = 'claude-sonnet-4-5'
const MESSAGE_ID = 'msg_local_1'

/** Anthropic's API: messages, token counting and models; nothing for other paths. */
export function anthropicAnswer(
  method: string,
  path: string,
  request: JsonObject,
  toolCall?: ToolCall,
): Answer | undefined {
  switch (`${method} ${path}`) {
    case 'POST /v1/messages':
      return request['stream'] === true
        ? streamedMessage(request, toolCall)
        : jsonAnswer(message(request, toolCall))
    case 'POST /v1/messages/count_tokens':
      return jsonAnswer({ input_tokens: ANSWER_USAGE.input })
    case 'GET /v1/models':
      return jsonAnswer({ data: [model()], has_more: false, first_id: MODEL, last_id: MODEL })
    default:
      return undefined
  }
}

export function anthropicError(status: number, text: string): string {
  const type = ERROR_TYPES[status] ?? 'api_error'
  return JSON.stringify({ type: 'error', error: { type, message: text }, request_id: 'req_local' })
}

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  529: 'overloaded_error',
}

function message(request: JsonObject, toolCall: ToolCall | undefined): JsonObject {
  return {
    id: MESSAGE_ID,
    type: 'message',
    role: 'assistant',
    model: modelOf(request, MODEL),
    content: [
      toolCall === undefined ? textBlock(ANSWER_TEXT) : toolBlock(toolCall, toolCall.input),
    ],
    stop_reason: stopReason(toolCall),
    stop_sequence: null,
    usage: usage(ANSWER_USAGE.output),
  }
}

function streamedMessage(request: JsonObject, toolCall: ToolCall | undefined): Answer {
  const whole = message(request, toolCall)
  const started = { ...whole, content: [], stop_reason: null, usage: usage(1) }
  const block = toolCall === undefined ? textBlock('') : toolBlock(toolCall, {})

  return namedEvents([
    { type: 'message_start', message: started },
    { type: 'content_block_start', index: 0, content_block: block },
    { type: 'ping' },
    ...deltas(toolCall),
    { type: 'content_block_stop', index: 0 },
    {
      type: 'message_delta',
      delta: { stop_reason: stopReason(toolCall), stop_sequence: null },
      usage: usage(ANSWER_USAGE.output),
    },
    { type: 'message_stop' },
  ])
}

function deltas(toolCall: ToolCall | undefined): ({ readonly type: string } & JsonObject)[] {
  const inside =
    toolCall === undefined
      ? ANSWER_PIECES.map(text => ({ type: 'text_delta', text }))
      : argumentPieces(toolCall).map(json => ({ type: 'input_json_delta', partial_json: json }))
  return inside.map(delta => ({ type: 'content_block_delta', index: 0, delta }))
}

function textBlock(text: string): JsonObject {
  return { type: 'text', text }
}

function toolBlock({ id, name }: ToolCall, input: JsonObject): JsonObject {
  return { type: 'tool_use', id, name, input }
}

function stopReason(toolCall: ToolCall | undefined): string {
  return toolCall === undefined ? 'end_turn' : 'tool_use'
}

function usage(output: number): JsonObject {
  return {
    input_tokens: ANSWER_USAGE.input,
    cache_creation_input_tokens: ANSWER_USAGE.cacheWrite,
    cache_read_input_tokens: ANSWER_USAGE.cacheRead,
    output_tokens: output,
  }
}

function model(): JsonObject {
  return { type: 'model', id: MODEL, display_name: MODEL, created_at: '2025-09-29T00:00:00Z' }
}
