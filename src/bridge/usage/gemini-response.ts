import type { ResponseFacts, Thought, TokenUsage, ToolUse } from '../../kernel/usage.ts'
import { type Counters, count, extraCounts, without } from './counters.ts'
import { type ErrorFact, errorFact } from './error-fact.ts'
import { asIndex, asName, asObject, type JsonObject, objectsOf } from './json-value.ts'
import { type AnswerEnd, answerFacts, type ResponseFold } from './response-fold.ts'
import { createTextBudget, MAX_ITEMS } from './text-budget.ts'

/**
 * Google's generateContent and streamGenerateContent
 * (https://ai.google.dev/api/generate-content). Every chunk of a stream is a
 * response of its own with cumulative `usageMetadata`. Code Assist wraps each
 * in `{ response }`.
 */
export class GeminiFold implements ResponseFold {
  readonly #counters: Counters = new Map()
  readonly #tools: ToolUse[] = []
  readonly #thoughts = new Map<number, string>()
  readonly #keep = createTextBudget()
  #id: string | null = null
  #model: string | null = null
  #error: ErrorFact | undefined
  #started = false
  #ended = false
  #final = false

  #part(value: JsonObject, candidate: number): void {
    const call = asObject(value['functionCall'])
    const name = asName(call?.['name'])
    if (call !== undefined && name !== undefined && this.#tools.length < MAX_ITEMS) {
      const input = this.#keep(JSON.stringify(call['args'] ?? {}))
      this.#tools.push({ callId: asName(call['id']) ?? null, name, input, serverUrl: null })
    }
    const text = asName(value['text'])
    if (value['thought'] === true && text !== undefined && this.#thoughts.size < MAX_ITEMS) {
      this.#thoughts.set(candidate, (this.#thoughts.get(candidate) ?? '') + this.#keep(text))
    }
  }

  event(outer: JsonObject): void {
    const value = asObject(outer['response']) ?? outer
    if (asObject(value['error']) !== undefined) this.#error = errorFact(value) ?? this.#error
    const usage = asObject(value['usageMetadata'])
    const candidates = objectsOf(value['candidates'])
    const blocked = asName(asObject(value['promptFeedback'])?.['blockReason']) !== undefined
    if (usage === undefined && candidates.length === 0 && !blocked) return
    this.#head(value)
    readUsage(this.#counters, usage)
    for (const [position, one] of candidates.entries()) this.#candidate(one, position)
    this.#ended ||= blocked
    if (this.#ended && usage !== undefined) this.#final = true
  }

  #head(value: JsonObject): void {
    this.#started = true
    this.#id ??= asName(value['responseId']) ?? null
    this.#model ??= asName(value['modelVersion']) ?? null
  }

  #candidate(value: JsonObject, position: number): void {
    const index = asIndex(value['index']) ?? position
    const parts = objectsOf(asObject(value['content'])?.['parts'])
    for (const one of parts) this.#part(one, index)
    if (asName(value['finishReason']) !== undefined) this.#ended = true
  }

  done(): void {}

  finish(end: AnswerEnd): ResponseFacts {
    const usage = usageOf(this.#counters)
    return {
      ...answerFacts(
        {
          responseId: this.#id,
          model: this.#model,
          usage,
          error: this.#error,
          started: this.#started,
          final: this.#final,
          ended: this.#ended,
        },
        end,
      ),
      tools: this.#tools,
      thoughts: [...this.#thoughts.values()].map(
        (content): Thought => ({ content, source: 'thinking' }),
      ),
    }
  }
}

function readUsage(counters: Counters, usage: JsonObject | undefined): void {
  if (usage === undefined) return
  count(counters, 'prompt', usage['promptTokenCount'])
  count(counters, 'candidates', usage['candidatesTokenCount'])
  count(counters, 'cached', usage['cachedContentTokenCount'])
  count(counters, 'thoughts', usage['thoughtsTokenCount'])
  count(counters, 'tools', usage['toolUsePromptTokenCount'])
  count(counters, 'total', usage['totalTokenCount'])
}

const EXTRA = {
  cached: 'prompt_cached',
  thoughts: 'output_reasoning',
  tools: 'tool_use_prompt',
  total: 'total_tokens',
}

/**
 * The prompt count includes what came from the cache but not what the
 * provider's tools put into it; thinking is billed as output.
 */
function usageOf(counters: Counters): TokenUsage | null {
  if (counters.size === 0) return null
  const cached = counters.get('cached')
  const input = without(counters.get('prompt'), cached)
  const tools = counters.get('tools')
  const output = [counters.get('candidates'), counters.get('thoughts')].filter(
    part => part !== undefined,
  )
  return {
    input: input === null && tools === undefined ? null : (input ?? 0) + (tools ?? 0),
    output: output.length === 0 ? null : output.reduce((sum, part) => sum + part, 0),
    cacheRead: cached ?? null,
    cacheWrite: null,
    extra: extraCounts(counters, EXTRA),
  }
}
