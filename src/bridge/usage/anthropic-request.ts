import type { RequestFacts } from '../../kernel/usage.ts'
import { asName, asObject, asText, type JsonObject, objectsOf, parseObject } from './json-value.ts'

/** A request of Anthropic's Messages API. */
export function anthropicRequest(body: JsonObject): RequestFacts {
  const last = lastTurn(body['messages'])
  return {
    model: asName(body['model']) ?? null,
    streaming: body['stream'] === true,
    prompt: last === undefined || last['role'] !== 'user' ? null : userText(last['content']),
    correlatingToolCallId: lastToolResult(last),
    bodySessionId: sessionId(asObject(body['metadata'])?.['user_id']),
  }
}

/** Claude Code puts a `system` message behind the user's; that is no turn. */
function lastTurn(messages: unknown): JsonObject | undefined {
  if (!Array.isArray(messages)) return undefined
  return asObject(messages.findLast(message => asObject(message)?.['role'] !== 'system'))
}

/** The text of a message: a string, or the last text block of a list. */
function userText(content: unknown): string | null {
  const text = asText(content)
  if (text !== undefined) return text
  const blocks = objectsOf(content).filter(block => block['type'] === 'text')
  return asText(blocks.at(-1)?.['text']) ?? null
}

function lastToolResult(message: JsonObject | undefined): string | null {
  const results = objectsOf(message?.['content']).filter(block => block['type'] === 'tool_result')
  return asName(results.at(-1)?.['tool_use_id']) ?? null
}

/**
 * Claude Code puts its session into `metadata.user_id`: as a member of a JSON
 * object, in older versions at the end of a text.
 */
function sessionId(userId: unknown): string | null {
  const text = asText(userId)
  if (text === undefined || text.length > 4096) return null
  const member = parseObject(text)?.['session_id']
  if (member !== undefined) return asText(member)?.trim() || null
  return /_session_(.+)$/.exec(text)?.[1]?.trim() || null
}
