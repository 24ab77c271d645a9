import type { JsonObject } from '../json.ts'
import {
  ANSWER_PIECES,
  ANSWER_TEXT,
  ANSWER_USAGE,
  type Answer,
  argumentPieces,
  jsonAnswer,
  modelOf,
  type ToolCall,
} from './answer.ts'
import { responsesAnswer } from './responses.ts'

const MODEL = 'gpt-5'

/** Where others have OpenAI's paths: Azure, ChatGPT. */
const ELSEWHERE = /^(?:\/openai(?:\/deployments\/[^/]+)?|\/backend-api\/codex)?(?:\/v1)?/

/** OpenAI's API: Responses, Chat Completions and models; nothing for other paths. */
export function openaiAnswer(
  method: string,
  path: string,
  request: JsonObject,
  toolCall?: ToolCall,
): Answer | undefined {
  switch (`${method} ${path.replace(ELSEWHERE, '')}`) {
    case 'POST /responses':
      return responsesAnswer(request, toolCall)
    case 'POST /chat/completions':
      return request['stream'] === true
        ? streamedChat(request, toolCall)
        : jsonAnswer(completion(request, toolCall))
    case 'GET /models':
      return jsonAnswer({
        object: 'list',
        data: [{ id: MODEL, object: 'model', owned_by: 'local' }],
      })
    default:
      return undefined
  }
}

export function openaiError(status: number, text: string): string {
  const type = status === 429 ? 'rate_limit_exceeded' : 'invalid_request_error'
  return JSON.stringify({ error: { message: text, type, param: null, code: null } })
}

function completion(request: JsonObject, toolCall: ToolCall | undefined): JsonObject {
  const content =
    toolCall === undefined
      ? { content: ANSWER_TEXT }
      : { content: null, tool_calls: [callOf(toolCall, JSON.stringify(toolCall.input))] }
  return {
    ...head(request, 'chat.completion'),
    choices: [
      {
        index: 0,
        message: { role: 'assistant', ...content, refusal: null },
        logprobs: null,
        finish_reason: finishReason(toolCall),
      },
    ],
    usage: usage(),
  }
}

function streamedChat(request: JsonObject, toolCall: ToolCall | undefined): Answer {
  const base = head(request, 'chat.completion.chunk')
  const choice = (delta: JsonObject, finish: string | null): JsonObject => ({
    ...base,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
  })

  const deltas =
    toolCall === undefined ? ANSWER_PIECES.map(content => ({ content })) : toolDeltas(toolCall)
  const chunks: JsonObject[] = [choice({ role: 'assistant', content: '' }, null)]
  chunks.push(...deltas.map(delta => choice(delta, null)))
  chunks.push(choice({}, finishReason(toolCall)))
  chunks.push({ ...base, choices: [], usage: usage() })

  const events = [...chunks.map(chunk => JSON.stringify(chunk)), '[DONE]']
  return { contentType: 'text/event-stream', chunks: events.map(data => `data: ${data}\n\n`) }
}

/** Name and id come once, in front of the arguments. */
function toolDeltas(toolCall: ToolCall): JsonObject[] {
  const rest = argumentPieces(toolCall).map(piece => ({ function: { arguments: piece } }))
  return [callOf(toolCall, ''), ...rest].map(part => ({ tool_calls: [{ index: 0, ...part }] }))
}

function callOf({ id, name }: ToolCall, json: string): JsonObject {
  return { id, type: 'function', function: { name, arguments: json } }
}

function finishReason(toolCall: ToolCall | undefined): string {
  return toolCall === undefined ? 'stop' : 'tool_calls'
}

function head(request: JsonObject, object: string): JsonObject {
  const model = modelOf(request, MODEL)
  return { id: 'chatcmpl-local-1', object, created: 1_790_000_000, model }
}

function usage(): JsonObject {
  return {
    prompt_tokens: ANSWER_USAGE.input,
    completion_tokens: ANSWER_USAGE.output,
    total_tokens: ANSWER_USAGE.input + ANSWER_USAGE.output,
    prompt_tokens_details: { cached_tokens: ANSWER_USAGE.cacheRead, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  }
}
