import type { ResponseFacts, TokenUsage, ToolUse } from '../../kernel/usage.ts'
import { type Counters, count, extraCounts, without } from './counters.ts'
import { type ErrorFact, errorFact } from './error-fact.ts'
import { asIndex, asName, asObject, asText, type JsonObject, objectsOf } from './json-value.ts'
import { type AnswerEnd, answerFacts, type ResponseFold } from './response-fold.ts'
import { createTextBudget, MAX_ITEMS } from './text-budget.ts'
import { withTiers } from './tiers.ts'

interface OpenTool {
  callId: string | null
  name: string
  input: string
}

/**
 * OpenAI's Chat Completions, blocking and streaming, and the many that copy
 * them (https://platform.openai.com/docs/api-reference/chat). Usage may sit in
 * any chunk, with choices or without. Usage of another response, or after
 * `[DONE]`, counts only if there is no other.
 */
export class ChatFold implements ResponseFold {
  readonly #counters: Counters = new Map()
  readonly #stray: Counters = new Map()
  readonly #tools = new Map<string, OpenTool>()
  readonly #thoughts = new Map<number, string>()
  readonly #keep = createTextBudget()
  #id: string | null = null
  #model: string | null = null
  #tier: string | undefined
  #error: ErrorFact | undefined
  #started = false
  #stopped = false
  #ended = false
  #final = false
  /** Something was generated since the numbers were sent. */
  #isStale = false

  #tool(key: string, call: JsonObject): void {
    const known = this.#tools.get(key)
    const body = asObject(call['function']) ?? asObject(call['custom']) ?? call
    if (known === undefined && this.#tools.size >= MAX_ITEMS) return
    const entry = known ?? { callId: null, name: '', input: '' }
    entry.callId ??= asName(call['id']) ?? null
    // Some backends repeat the name in every delta, OpenAI sends it once.
    if (entry.name === '') entry.name = asName(body['name']) ?? ''
    entry.input += this.#keep(argumentText(body))
    this.#tools.set(key, entry)
  }

  #choice(value: JsonObject, position: number): void {
    const index = asIndex(value['index']) ?? position
    if (asName(value['finish_reason']) !== undefined) this.#stopped = true
    const part = asObject(value['delta']) ?? asObject(value['message'])
    if (part === undefined) return
    this.#isStale ||= OUTPUT.some(name => isSaid(part[name]))
    for (const [at, call] of objectsOf(part['tool_calls']).entries()) {
      this.#tool(`${index}/${asIndex(call['index']) ?? at}`, call)
    }
    const legacy = asObject(part['function_call'])
    if (legacy !== undefined) this.#tool(`${index}/legacy`, legacy)
    const more = asName(part['reasoning_content']) ?? asName(part['reasoning_text'])
    const reasoning = more ?? asName(part['reasoning'])
    if (reasoning !== undefined && this.#thoughts.size < MAX_ITEMS) {
      this.#thoughts.set(index, (this.#thoughts.get(index) ?? '') + this.#keep(reasoning))
    }
  }

  event(value: JsonObject): void {
    const choices = objectsOf(value['choices'])
    const usage = usageIn(value, choices)
    if (!Array.isArray(value['choices']) && usage === undefined) {
      this.#error = errorFact(value) ?? this.#error
      return
    }
    const foreign = this.#isForeign(value)
    readUsage(foreign || this.#ended ? this.#stray : this.#counters, usage)
    for (const [position, one] of choices.entries()) this.#choice(one, position)
    if (usage !== undefined) this.#isStale = false
    if (this.#stopped && usage !== undefined && !foreign) this.#final = true
    if (value['object'] === 'chat.completion') this.#ended = true
    if (asObject(value['error']) !== undefined) this.#error = errorFact(value) ?? this.#error
  }

  /** Whether a chunk belongs to another response than the first one did. */
  #isForeign(value: JsonObject): boolean {
    this.#started = true
    const own = asName(value['id'])
    this.#id ??= own ?? null
    this.#model ??= asName(value['model']) ?? null
    const foreign = own !== undefined && own !== this.#id
    if (!foreign) this.#tier = asName(value['service_tier']) ?? this.#tier
    return foreign
  }

  done(): void {
    this.#ended = true
  }

  finish(end: AnswerEnd): ResponseFacts {
    const counted = usageOf(this.#counters.size > 0 ? this.#counters : this.#stray)
    const usage = withTiers(counted, [this.#tier])
    return {
      ...answerFacts(
        {
          responseId: this.#id,
          model: this.#model,
          usage,
          error: this.#error,
          started: this.#started,
          final: (this.#final || this.#ended) && !this.#isStale,
          ended: this.#ended || (this.#stopped && end.complete),
        },
        end,
      ),
      tools: [...this.#tools.values()].flatMap(toolOf),
      thoughts: [...this.#thoughts.values()].map(content => ({ content, source: 'thinking' })),
    }
  }
}

/** What a delta may hold of an answer. */
const OUTPUT = [
  'content',
  'tool_calls',
  'function_call',
  'reasoning',
  'reasoning_content',
  'reasoning_text',
  'refusal',
] as const

function isSaid(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  return asName(value) !== undefined || asObject(value) !== undefined
}

/** Groq has it in a field of its own, Moonshot in the choice. */
function usageIn(value: JsonObject, [choice]: readonly JsonObject[]): JsonObject | undefined {
  return (
    asObject(value['usage']) ??
    asObject(asObject(value['x_groq'])?.['usage']) ??
    asObject(choice?.['usage'])
  )
}

/** `arguments` of functions, `input` of custom tools; some backends send an object. */
function argumentText(body: JsonObject): string {
  const value = body['arguments'] ?? body['input']
  return asText(value) ?? (value === undefined || value === null ? '' : JSON.stringify(value))
}

function readUsage(counters: Counters, usage: JsonObject | undefined): void {
  if (usage === undefined) return
  const prompt = asObject(usage['prompt_tokens_details'])
  const completion = asObject(usage['completion_tokens_details'])
  count(counters, 'prompt', usage['prompt_tokens'])
  count(counters, 'completion', usage['completion_tokens'])
  // DeepSeek and Moonshot have names of their own for the same count.
  count(
    counters,
    'cached',
    prompt?.['cached_tokens'] ?? usage['prompt_cache_hit_tokens'] ?? usage['cached_tokens'],
  )
  count(counters, 'written', prompt?.['cache_write_tokens'])
  count(counters, 'prompt_audio', prompt?.['audio_tokens'])
  count(counters, 'completion_audio', completion?.['audio_tokens'])
  count(counters, 'completion_reasoning', completion?.['reasoning_tokens'])
  count(counters, 'accepted', completion?.['accepted_prediction_tokens'])
  count(counters, 'rejected', completion?.['rejected_prediction_tokens'])
}

const EXTRA = {
  prompt_audio: 'prompt_audio',
  cached: 'prompt_cached',
  accepted: 'completion_accepted_prediction',
  rejected: 'completion_rejected_prediction',
  completion_audio: 'completion_audio',
  completion_reasoning: 'completion_reasoning',
}

function usageOf(counters: Counters): TokenUsage | null {
  if (counters.size === 0) return null
  const cached = counters.get('cached')
  const written = counters.get('written')
  return {
    input: without(counters.get('prompt'), cached, written),
    output: counters.get('completion') ?? null,
    cacheRead: cached ?? null,
    cacheWrite: written ?? null,
    extra: extraCounts(counters, EXTRA),
  }
}

function toolOf({ callId, name, input }: OpenTool): ToolUse[] {
  return name === '' ? [] : [{ callId, name, input, serverUrl: null }]
}
