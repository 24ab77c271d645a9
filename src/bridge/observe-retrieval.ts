import type { Call } from '../kernel/flow.ts'
import type { Price } from '../kernel/price.ts'
import type { ResponseFacts, WireFormat } from '../kernel/usage.ts'
import type { Books } from './books.ts'
import type { KnownCall } from './known-call.ts'
import { answerCost } from './prices/answer-cost.ts'
import type { TapRequest } from './tap/taps.ts'

interface Asked {
  readonly known: KnownCall
  readonly prices: readonly Price[]
  readonly format: WireFormat
  readonly path: string
  readonly at: number
}

/**
 * What the side tap reads where somebody asks for a response that runs in the
 * background: nothing until it has ended, then what it came to.
 */
export function observeRetrieval(
  { books }: { readonly books: Pick<Books, 'retrieved'> },
  call: Call,
  { format, known, path, at, prices }: Asked,
): TapRequest {
  return {
    user: call.caller.identity.user,
    format,
    path,
    headers: call.headers,
    onRequest: () => undefined,
    onResponse: facts => {
      if (!hasEnded(facts)) return
      const { model, usage } = facts
      const costNano = answerCost(prices, { ...known, model, at }, usage)
      const { provider, client, billing } = known
      books.retrieved({ provider, client, billing, facts, costNano })
    },
  }
}

/** With its numbers, or with an error in their place. */
function hasEnded({ responseId, pending, usage, usageNote, errorType }: ResponseFacts): boolean {
  if (responseId === null || pending === true) return false
  return usage === null ? errorType !== null : usageNote === null
}
