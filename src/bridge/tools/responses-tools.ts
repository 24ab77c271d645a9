import type { ToolDialect } from './dialect.ts'
import type { BodyText, Edit } from './open-body.ts'
import { appendTools } from './openai-body.ts'
import { ResponsesMerge } from './responses-merge.ts'

/**
 * SECURITY: the provider repeats everything but the input in three events of its
 * answer, which are parsed on the event loop. What models write is text.
 */
const MAX_ECHO = 256 * 1024

/** https://platform.openai.com/docs/api-reference/responses */
export const responsesTools: ToolDialect = {
  open(body, tools) {
    if (body.isAmbiguous('input', 'stream', 'background', 'conversation')) return undefined
    // The provider keeps these conversations itself: what is added here would be in it twice.
    if (isSet(body.value('background')) || isSet(body.value('conversation'))) return undefined
    if (body.lengthBeside('input') > MAX_ECHO) return undefined
    const input = inputOf(body)
    const edits = appendTools(body, tools, ({ name, description, inputSchema }) => ({
      type: 'function',
      name,
      description,
      parameters: inputSchema,
      strict: false,
    }))
    if (input === undefined || edits === undefined) return undefined
    return {
      ...body.open([...edits, ...input.edits], input.place),
      isEmpty: input.isEmpty,
      streaming: body.value('stream') === true,
    }
  },
  merge: isOffered => new ResponsesMerge(isOffered),
}

interface Input {
  readonly edits: readonly Edit[]
  readonly place: number
  readonly isEmpty: boolean
}

/** A plain text is made the one message of a list, so that the list can grow. */
function inputOf(body: BodyText): Input | undefined {
  const list = body.array('input')
  if (list !== undefined) return { edits: [], place: list.end, isEmpty: list.isEmpty }
  const text = body.string('input')
  if (text === undefined) return undefined
  const { start, end } = text
  return {
    edits: [
      { start, end: start, text: '[{"role":"user","content":' },
      { start: end, end, text: '}' },
      { start: end, end, text: ']', behind: true },
    ],
    place: end,
    isEmpty: false,
  }
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false
}
