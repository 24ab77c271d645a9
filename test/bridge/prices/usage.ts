import type { TokenUsage } from '../../../src/kernel/usage.ts'

/** A usage of which the provider told no more than is given. */
export function usage(counts: Partial<TokenUsage>): TokenUsage {
  return { input: null, output: null, cacheRead: null, cacheWrite: null, extra: {}, ...counts }
}
