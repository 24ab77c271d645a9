import { ChatMerge } from './chat-merge.ts'
import type { ToolDialect } from './dialect.ts'
import { appendTools } from './openai-body.ts'

/** https://platform.openai.com/docs/api-reference/chat */
export const chatTools: ToolDialect = {
  open(body, tools) {
    if (body.isAmbiguous('messages', 'n', 'stream') || body.has('functions')) return undefined
    const messages = body.array('messages')
    const choices = body.value('n') ?? 1
    const edits = appendTools(body, tools, ({ name, description, inputSchema }) => ({
      type: 'function',
      function: { name, description, parameters: inputSchema },
    }))
    if (messages === undefined || choices !== 1 || edits === undefined) return undefined
    return {
      ...body.open(edits, messages.end),
      isEmpty: messages.isEmpty,
      streaming: body.value('stream') === true,
    }
  },
  merge: isOffered => new ChatMerge(isOffered),
}
