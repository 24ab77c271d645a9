import type { RequestFacts } from '../../kernel/usage.ts'
import { asName, asObject, asText, type JsonObject, objectsOf } from './json-value.ts'

/** A request of OpenAI's Responses API, or a `response.create` on its WebSocket. */
export function responsesRequest(body: JsonObject): RequestFacts {
  const { input } = body
  const last = Array.isArray(input) ? asObject(input.at(-1)) : undefined
  const callId = last?.['type'] === 'function_call_output' ? asName(last['call_id']) : undefined
  return {
    model: asName(body['model']) ?? null,
    streaming: body['stream'] === true,
    prompt: asText(input) ?? (last?.['role'] === 'user' ? userText(last['content']) : null),
    correlatingToolCallId: callId ?? null,
    bodySessionId: null,
  }
}

/** A string, or all `input_text` parts, one line break between them. */
function userText(content: unknown): string | null {
  const text = asText(content)
  if (text !== undefined) return text
  const texts = objectsOf(content)
    .filter(part => part['type'] === 'input_text')
    .map(part => asText(part['text']))
    .filter(part => part !== undefined)
  return texts.length === 0 ? null : texts.join('\n')
}
