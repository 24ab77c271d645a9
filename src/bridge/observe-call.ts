import type { Call, Emit } from '../kernel/flow.ts'
import type { Price } from '../kernel/price.ts'
import type { Rule } from '../kernel/rule.ts'
import type { WireFormat } from '../kernel/usage.ts'
import type { Books } from './books.ts'
import type { KnownCall } from './known-call.ts'
import { modelOnTrial } from './model/model-gate.ts'
import { answerCost } from './prices/answer-cost.ts'
import type { TapRequest } from './tap/taps.ts'
import { toolUse } from './tools/toolbox.ts'
import type { ToolsContext } from './tools/with-tools.ts'
import { sessionId } from './usage/session.ts'

interface Observed {
  readonly known: KnownCall
  readonly prices: readonly Price[]
  /** Those about the caller. */
  readonly rules: readonly Rule[]
  readonly format: WireFormat
  readonly path: string
  /** The start of the call. */
  readonly at: number
}

/** What the side tap is to read, and where its findings go: the books and the events. */
export function observeCall(
  { books, emit }: { readonly books: Books; readonly emit: Emit },
  call: Call,
  { format, known, path, at, prices, rules }: Observed,
): TapRequest & Pick<ToolsContext, 'onOffered' | 'onInvoked'> {
  const { user } = call.caller.identity
  const { client, billing } = known
  const whose = { callId: call.id, user, provider: call.provider, client }
  let asked: string | null = null
  let answered: string | null = null
  let offered: ReadonlySet<string> = new Set()
  return {
    user,
    format,
    path,
    headers: call.headers,
    onRequest: facts => {
      const bodySessionId = sessionId(client, call.headers, facts.bodySessionId)
      books.request(call.id, { ...facts, bodySessionId })
      asked = facts.model
      const trial = modelOnTrial(call, asked, rules)
      if (trial !== undefined) emit(trial)
      if (facts.prompt !== null) emit({ type: 'prompt_seen', ...whose, model: asked })
    },
    onResponse: facts => {
      const model = facts.model ?? asked
      const { usage } = facts
      const costNano = answerCost(prices, { ...known, model, at }, usage)
      // Those of ours are written down when they are called.
      const own = facts.tools.filter(({ name }) => !offered.has(name))
      books.response(call.id, { ...facts, tools: own }, costNano)
      answered = facts.responseId
      const tools = own.map(tool => tool.name)
      emit({ type: 'answer_seen', ...whose, model, usage, costNano, billing, tools })
    },
    onOffered: names => {
      offered = names
    },
    onInvoked: tool => {
      books.tool(call.id, toolUse(tool), answered)
      const { server, tool: name, isError: failed } = tool
      emit({ type: 'tool_invoked', ...whose, model: asked, server, tool: name, failed })
    },
  }
}
