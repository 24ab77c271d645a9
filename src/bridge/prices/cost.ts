import type { NanoDollars } from '../../kernel/money.ts'
import type { Price, Rates } from '../../kernel/price.ts'
import type { TokenUsage } from '../../kernel/usage.ts'

/**
 * More than any provider bills for one answer (a million dollars): counters that
 * come to this are wrong, and it keeps sums within what a number holds exactly.
 */
const MOST = 1_000_000_000_000_000n
const MILLION = 1_000_000n
const THOUSAND = 1000n
/** Fine enough for several factors of three places. */
const ONE = 1_000_000_000n
const TIER = 'tier_'

/**
 * What an answer costs by a row of the list, rounded half up once an answer.
 * What the provider has not told costs nothing: a partial usage has a partial
 * cost. Null when something was counted that the row has no price for.
 */
export function costOf(price: Price, usage: TokenUsage): NanoDollars | null {
  // Sound has prices of its own, which the list does not have.
  if (counted(usage, 'prompt_audio') + counted(usage, 'completion_audio') > 0) return null
  const tokens = totalOf(tokenParts(ratesFor(price, usage), usage))
  // Their price is for a thousand.
  const count = counted(usage, 'web_search_requests') * 1000
  const searches = totalOf([{ count, rate: price.webSearch }])
  const factor = factorFor(price, usage)
  if (tokens === null || searches === null || factor === null) return null
  const cost = (tokens * factor + searches * ONE + (MILLION * ONE) / 2n) / (MILLION * ONE)
  return cost > MOST ? null : Number(cost)
}

/** What the tiers multiply the rates by, in units of `ONE`; null where one has no price. */
function factorFor({ tiers }: Price, { extra }: TokenUsage): bigint | null {
  let factor = ONE
  for (const name of Object.keys(extra).filter(counter => counter.startsWith(TIER))) {
    const own = tiers[name.slice(TIER.length)]
    if (own === undefined) return null
    factor = (factor * BigInt(own)) / THOUSAND
  }
  return factor
}

function totalOf(parts: readonly Part[]): bigint | null {
  let total = 0n
  for (const { count, rate } of parts) {
    if (count === 0) continue
    if (rate === null) return null
    total += BigInt(count) * BigInt(rate)
  }
  return total
}

interface Part {
  readonly count: number
  readonly rate: NanoDollars | null
}

/**
 * Cache writes that nobody calls long-lived are short-lived ones: providers
 * without a split keep them for their default time, and Anthropic's split
 * leaves out compaction.
 */
function tokenParts(rates: Rates, usage: TokenUsage): Part[] {
  const long = counted(usage, 'cache_ephemeral_1h_input')
  return [
    { count: usage.input ?? 0, rate: rates.input },
    { count: usage.output ?? 0, rate: rates.output },
    { count: usage.cacheRead ?? 0, rate: rates.cacheRead },
    { count: Math.max(0, (usage.cacheWrite ?? 0) - long), rate: rates.cacheWrite5m },
    { count: long, rate: rates.cacheWrite1h },
  ]
}

/** The prompt is everything that went in, from wherever it came. */
function ratesFor({ rates, longPrompt }: Price, usage: TokenUsage): Rates {
  const prompt = (usage.input ?? 0) + (usage.cacheRead ?? 0) + (usage.cacheWrite ?? 0)
  return longPrompt !== null && prompt > longPrompt.above ? longPrompt.rates : rates
}

function counted(usage: TokenUsage, name: string): number {
  return usage.extra[name] ?? 0
}
