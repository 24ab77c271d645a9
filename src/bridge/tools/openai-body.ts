import type { JsonObject } from '../usage/json-value.ts'
import type { OfferedTool } from './offered-tool.ts'
import type { BodyText, Edit } from './open-body.ts'

/**
 * Our tools behind the client's own, and one call at a time. Undefined when the
 * client wants no tool called, or has them in a form that is not understood.
 */
export function appendTools(
  body: BodyText,
  tools: readonly OfferedTool[],
  define: (tool: OfferedTool) => JsonObject,
): readonly Edit[] | undefined {
  if (body.isAmbiguous('tools', 'tool_choice', 'parallel_tool_calls')) return undefined
  if (body.value('tool_choice') === 'none') return undefined
  const text = tools.map(tool => JSON.stringify(define(tool))).join(',')
  const own = body.array('tools')
  const isAbsent = !body.has('tools') || body.value('tools') === null
  if (own === undefined && !isAbsent) return undefined
  const offer =
    own === undefined
      ? body.set('tools', `[${text}]`)
      : { start: own.end, end: own.end, text: `${own.isEmpty ? '' : ','}${text}` }
  return [offer, body.set('parallel_tool_calls', 'false')]
}
