import type { RequestFacts } from '../../kernel/usage.ts'
import { asName, asObject, type JsonObject, objectsOf } from './json-value.ts'

/** A request of OpenAI's Chat Completions. */
export function chatRequest(body: JsonObject): RequestFacts {
  const last = Array.isArray(body['messages']) ? asObject(body['messages'].at(-1)) : undefined
  const toolCallId = last?.['role'] === 'tool' ? asName(last['tool_call_id']) : undefined
  return {
    model: asName(body['model']) ?? null,
    streaming: body['stream'] === true,
    prompt: last?.['role'] === 'user' ? userText(last['content']) : null,
    correlatingToolCallId: toolCallId ?? null,
    bodySessionId: null,
  }
}

function userText(content: unknown): string | null {
  const parts = objectsOf(content).filter(part => part['type'] === 'text')
  return asName(content) ?? asName(parts.at(-1)?.['text']) ?? null
}
