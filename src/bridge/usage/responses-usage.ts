import type { TokenUsage } from '../../kernel/usage.ts'
import { type Counters, count, extraCounts, without } from './counters.ts'
import { asObject, type JsonObject } from './json-value.ts'

/** The `usage` of a response object of OpenAI's Responses API. */
export function readResponsesUsage(counters: Counters, usage: JsonObject | undefined): void {
  if (usage === undefined) return
  const input = asObject(usage['input_tokens_details'])
  count(counters, 'input', usage['input_tokens'])
  count(counters, 'output', usage['output_tokens'])
  count(counters, 'total', usage['total_tokens'])
  count(counters, 'cached', input?.['cached_tokens'])
  count(counters, 'written', input?.['cache_write_tokens'])
  count(counters, 'reasoning', asObject(usage['output_tokens_details'])?.['reasoning_tokens'])
}

const EXTRA = { cached: 'input_cached', reasoning: 'output_reasoning', total: 'total_tokens' }

export function responsesUsage(counters: Counters): TokenUsage | null {
  if (counters.size === 0) return null
  const cached = counters.get('cached')
  const written = counters.get('written')
  return {
    input: without(counters.get('input'), cached, written),
    output: counters.get('output') ?? null,
    cacheRead: cached ?? null,
    cacheWrite: written ?? null,
    extra: extraCounts(counters, EXTRA),
  }
}
