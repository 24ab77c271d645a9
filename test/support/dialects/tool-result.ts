import { isJsonObject, type JsonObject } from '../json.ts'

/**
 * Whether the end of a request, behind the model's last word, has the result of
 * a tool: Anthropic's block, Chat Completions' message or Responses' item.
 */
export function endsWithToolResult(request: JsonObject): boolean {
  const turns = [request['messages'], request['input']].flat().filter(isJsonObject)
  const lastWord = turns.findLastIndex(
    turn => turn['role'] === 'assistant' || turn['type'] === 'function_call',
  )
  return turns.slice(lastWord + 1).some(isToolResult)
}

function isToolResult(turn: JsonObject): boolean {
  if (turn['role'] === 'tool' || turn['type'] === 'function_call_output') return true
  const blocks = [turn['content']].flat().filter(isJsonObject)
  return blocks.some(block => block['type'] === 'tool_result')
}
