import type { CallRecord, TokenSums } from '../../kernel/records.ts'

type Cost = Pick<TokenSums, 'costNano' | 'unpriced'>

/** What calls cost together, as far as their answers have prices. */
export function costOfCalls(calls: readonly CallRecord[]): Cost {
  const costs = calls.flatMap(call => call.tokens.map(token => token.costNano))
  const known = costs.filter(cost => cost !== null)
  const metered = calls.filter(call => call.billing !== 'subscription')
  return {
    costNano: known.length === 0 ? null : known.reduce((total, cost) => total + cost, 0),
    unpriced: metered.flatMap(call => call.tokens).filter(token => token.costNano === null).length,
  }
}

/** In whole billionths, so that others can add them up without losing any. */
export function costJson({ costNano, unpriced }: Cost): Readonly<Record<string, number | null>> {
  return { cost_nano_usd: costNano, unpriced_answers: unpriced }
}
