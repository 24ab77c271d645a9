import type { NanoDollars } from './money.ts'

/** Who pays for the tokens: a bill by their number, or a plan at a flat price. */
export type Billing = 'metered' | 'subscription'

/** Each for a million tokens; null where the list has no such price. */
export interface Rates {
  readonly input: NanoDollars
  readonly output: NanoDollars
  readonly cacheRead: NanoDollars | null
  /** Kept for five minutes, or as long as the provider keeps it by default. */
  readonly cacheWrite5m: NanoDollars | null
  readonly cacheWrite1h: NanoDollars | null
}

/** One row of a price list. */
export interface Price {
  /** What `provider` is: the type of providers, or the name of one. */
  readonly of: 'type' | 'name'
  readonly provider: string
  /**
   * The id of a model, which stands for its dated snapshots too; with a `*` at
   * its end, for every id that begins so.
   */
  readonly model: string
  /** The first moment at which it holds, in milliseconds since the epoch. */
  readonly from: number
  readonly rates: Rates
  /** What holds for the whole call when its prompt has more than `above` tokens. */
  readonly longPrompt: { readonly above: number; readonly rates: Rates } | null
  /** Thousandths of the rates for answers of a service tier; others have no price. */
  readonly tiers: Readonly<Record<string, number>>
  /** For a thousand web searches that the provider ran. */
  readonly webSearch: NanoDollars | null
}

/** A factor such as `0.5` or `1.1` in thousandths; `undefined` for anything else. */
export function parseFactor(text: string): number | undefined {
  const [, whole, fraction = ''] = /^(\d{1,3})(?:\.(\d{1,3}))?$/.exec(text) ?? []
  return whole === undefined ? undefined : Number(whole + fraction.padEnd(3, '0'))
}
