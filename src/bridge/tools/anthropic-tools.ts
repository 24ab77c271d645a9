import { asObject } from '../usage/json-value.ts'
import { AnthropicMerge } from './anthropic-merge.ts'
import type { ToolDialect } from './dialect.ts'
import type { OfferedTool } from './offered-tool.ts'
import type { BodyText, Edit } from './open-body.ts'

/** https://docs.anthropic.com/en/docs/agents-and-tools/tool-use */
export const anthropicTools: ToolDialect = {
  open(body, tools) {
    if (body.isAmbiguous('messages', 'tools', 'tool_choice', 'stream')) return undefined
    const messages = body.array('messages')
    const choice = toolChoice(body)
    const offer = prepend(body, tools)
    if (messages === undefined || choice === undefined || offer === undefined) return undefined
    return {
      ...body.open([offer, choice], messages.end),
      isEmpty: messages.isEmpty,
      streaming: body.value('stream') === true,
    }
  },
  merge: isOffered => new AnthropicMerge(isOffered),
}

/** In front, so that a cache mark on the client's last tool stays on the last one. */
function prepend(body: BodyText, tools: readonly OfferedTool[]): Edit | undefined {
  const texts = tools.map(({ name, description, inputSchema }) =>
    JSON.stringify({ name, description, input_schema: inputSchema }),
  )
  const own = body.array('tools')
  if (own !== undefined) {
    const text = texts.join(',') + (own.isEmpty ? '' : ',')
    return { start: own.start, end: own.start, text }
  }
  const isAbsent = !body.has('tools') || body.value('tools') === null
  return isAbsent ? body.set('tools', `[${texts.join(',')}]`) : undefined
}

/** One call at a time: a call of ours beside one of the client's could not be answered. */
function toolChoice(body: BodyText): Edit | undefined {
  const choice = body.value('tool_choice')
  const given = asObject(choice)
  if (body.has('tool_choice') && choice !== null && given === undefined) return undefined
  if (given?.['type'] === 'none') return undefined
  const wanted = { type: 'auto', ...given, disable_parallel_tool_use: true }
  return body.set('tool_choice', JSON.stringify(wanted))
}
