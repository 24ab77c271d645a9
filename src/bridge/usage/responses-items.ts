import type { Thought, ToolUse } from '../../kernel/usage.ts'
import { asName, asText, type JsonObject, objectsOf } from './json-value.ts'

/** What we keep of an output item; `deltas` is what came of its arguments in pieces. */
export interface OutputItem {
  readonly tool: ToolUse | undefined
  readonly thoughts: readonly Thought[]
  deltas: string
}

type Keep = (text: string) => string

/** The provider's own tools, by the type of the item that records their use. */
const SERVER_TOOLS = new Set([
  'web_search_call',
  'file_search_call',
  'code_interpreter_call',
  'image_generation_call',
])

/** The tool call that an output item is, if it is one. */
export function toolOf(item: JsonObject, keep: Keep): ToolUse | undefined {
  const type = asName(item['type']) ?? ''
  if (SERVER_TOOLS.has(type)) {
    return {
      callId: asName(item['id']) ?? null,
      name: type.slice(0, -'_call'.length),
      input: keep(JSON.stringify(item['action'] ?? item['queries'] ?? item['code'] ?? {})),
      serverUrl: 'openai',
    }
  }
  const input = callText(type, item)
  const name = asName(item['name'])
  if (input === undefined || name === undefined) return undefined
  return {
    callId: asName(item['call_id']) ?? asName(item['id']) ?? null,
    name,
    input: keep(input),
    serverUrl: type === 'mcp_call' ? (asName(item['server_label']) ?? 'openai') : null,
  }
}

function callText(type: string, item: JsonObject): string | undefined {
  if (type === 'function_call' || type === 'mcp_call') {
    return (asText(item['arguments']) ?? '').trim()
  }
  return type === 'custom_tool_call' ? (asText(item['input']) ?? '') : undefined
}

/** What the model thought: summaries of reasoning, and commentary on the way. */
export function thoughtsOf(item: JsonObject, keep: Keep): Thought[] {
  if (item['type'] === 'reasoning') return texts(item['summary'], 'reasoning_summary', keep)
  if (item['type'] === 'message' && item['phase'] === 'commentary') {
    return texts(item['content'], 'commentary', keep)
  }
  return []
}

function texts(parts: unknown, source: Thought['source'], keep: Keep): Thought[] {
  return objectsOf(parts).flatMap(part => {
    const content = asName(part['text'])
    return content === undefined ? [] : [{ content: keep(content), source }]
  })
}
