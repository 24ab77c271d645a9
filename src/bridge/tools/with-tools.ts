import type { Reply } from '../../kernel/flow.ts'
import { firstHeader, type RawHeaders } from '../../kernel/headers.ts'
import type { WireFormat } from '../../kernel/usage.ts'
import { type Hold, MAX_BYTES } from '../body/held-body.ts'
import { holdJson } from '../body/held-json.ts'
import { bodyOf } from '../body/pieces.ts'
import { anthropicTools } from './anthropic-tools.ts'
import { chatTools } from './chat-tools.ts'
import { Conversation, type ConversationContext, isCoded } from './conversation.ts'
import type { ToolDialect } from './dialect.ts'
import { BodyText } from './open-body.ts'
import type { Send } from './parts.ts'
import { responsesTools } from './responses-tools.ts'

export interface ToolsContext extends ConversationContext {
  readonly hold: Hold
}

const DIALECTS: Partial<Record<WireFormat, ToolDialect>> = {
  'anthropic-messages': anthropicTools,
  'openai-chat': chatTools,
  'openai-responses': responsesTools,
}

/**
 * Sends a request with the tools of the configured servers added to it, calls
 * those that the model asks for, and goes on with their results until there is
 * an answer for the client. The one place that changes requests and answers: it
 * is used only where the operator has asked for it, and what it cannot read it
 * leaves as it is.
 */
export function withTools(send: Send, context: ToolsContext): Send {
  const dialect = DIALECTS[context.format]
  return async message => {
    if (dialect === undefined || message.body === undefined || !isReadable(message.headers)) {
      return await send(message)
    }
    const tools = await context.toolbox.offered()
    if (tools.length === 0) return await send(message)
    const { pieces, members, release } = await holdJson(context.hold, message.body)
    const body = members && new BodyText(pieces, members)
    const open = body && dialect.open(body, tools)
    if (open === undefined) {
      return await releasing(release, () => send({ ...message, body: bodyOf(pieces) }))
    }
    const offer = { ...context, dialect, tools }
    return await releasing(release, () =>
      new Conversation(send, message.headers, open, offer).reply(),
    )
  }
}

/** What a request holds is held until its answer is over. */
async function releasing(release: () => void, reply: () => Promise<Reply>): Promise<Reply> {
  try {
    const given = await reply()
    if (given.kind === 'response') given.body.once('close', release)
    else release()
    return given
  } catch (error) {
    release()
    throw error
  }
}

/** A longer request passes as it is; one that does not say how long it is, is refused. */
function isReadable(headers: RawHeaders): boolean {
  return !isCoded(headers) && Number(firstHeader(headers, 'content-length') ?? 0) <= MAX_BYTES
}
