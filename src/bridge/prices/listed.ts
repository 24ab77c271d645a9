import { type NanoDollars, parseDollars } from '../../kernel/money.ts'
import { type Price, parseFactor, type Rates } from '../../kernel/price.ts'

/** Dollars for a million tokens, as the provider's list has them. */
interface ListedRates {
  readonly input: string
  readonly output: string
  readonly cacheRead?: string
  readonly cacheWrite5m?: string
  readonly cacheWrite1h?: string
}

/** A row as it is copied from a provider's list, for every model that it is the price of. */
export interface ListedPrice extends ListedRates {
  readonly models: readonly string[]
  /** The day (UTC) on which it came, for prices that have changed or will. */
  readonly from?: string
  readonly longPrompt?: ListedRates & { readonly above: number }
  /** What the rates are multiplied by for answers of a service tier. */
  readonly tiers?: Readonly<Record<string, string>>
}

/** The rows of one list, for providers of these types. */
export function priceList(
  types: readonly string[],
  rows: readonly ListedPrice[],
  { webSearch }: { readonly webSearch?: string } = {},
): Price[] {
  return types.flatMap(provider =>
    rows.flatMap(({ models, from, longPrompt, tiers = {}, ...rates }) =>
      models.map(model => ({
        of: 'type' as const,
        provider,
        model,
        from: from === undefined ? 0 : Date.parse(from),
        rates: ratesOf(rates),
        longPrompt:
          longPrompt === undefined ? null : { above: longPrompt.above, rates: ratesOf(longPrompt) },
        tiers: Object.fromEntries(
          Object.entries(tiers).map(([name, text]) => [name, sure(parseFactor(text), text)]),
        ),
        webSearch: amount(webSearch),
      })),
    ),
  )
}

function ratesOf(listed: ListedRates): Rates {
  return {
    input: dollars(listed.input),
    output: dollars(listed.output),
    cacheRead: amount(listed.cacheRead),
    cacheWrite5m: amount(listed.cacheWrite5m),
    cacheWrite1h: amount(listed.cacheWrite1h),
  }
}

function amount(text: string | undefined): NanoDollars | null {
  return text === undefined ? null : dollars(text)
}

function dollars(text: string): NanoDollars {
  return sure(parseDollars(text), text)
}

/** A list that is wrong is found by the first start. */
function sure(value: number | undefined, text: string): number {
  if (value === undefined) throw new Error(`${text} is no price`)
  return value
}
