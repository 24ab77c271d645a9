import type { Billing, Price } from '../../kernel/price.ts'
import type { TokenUsage } from '../../kernel/usage.ts'
import { costOf } from './cost.ts'
import { findPrice, type Priced } from './find-price.ts'

interface Answer extends Omit<Priced, 'model'> {
  /** As the provider names it, or else the client. */
  readonly model: string | null
  readonly billing: Billing | undefined
}

/**
 * What an answer cost, in nano-dollars. Null, and never 0, when that is not
 * known: no usage, no model, no price; and when a plan pays for it.
 */
export function answerCost(
  own: readonly Price[],
  { model, billing, ...call }: Answer,
  usage: TokenUsage | null,
): number | null {
  if (usage === null || model === null || billing !== 'metered') return null
  const price = findPrice(own, { ...call, model })
  return price === undefined ? null : costOf(price, usage)
}
