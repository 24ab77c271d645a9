import type { TokenUsage } from '../../kernel/usage.ts'

/** Ways of serving an answer that have prices of their own; any other is the standard one. */
const TIERS: ReadonlySet<string> = new Set([
  'batch',
  'fast',
  'flex',
  'priority',
  'scale',
  'ultrafast',
  'us',
])

/** The usage with a counter `tier_<name>` of 1 for each tier that the provider named. */
export function withTiers(
  usage: TokenUsage | null,
  names: readonly (string | undefined)[],
): TokenUsage | null {
  const special = names.filter(name => name !== undefined && TIERS.has(name))
  if (usage === null || special.length === 0) return usage
  const counters = Object.fromEntries(special.map(name => [`tier_${name}`, 1]))
  return { ...usage, extra: { ...usage.extra, ...counters } }
}
