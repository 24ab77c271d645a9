import type { ResponseFacts } from '../../kernel/usage.ts'
import type { Counters } from './counters.ts'
import { type ErrorFact, errorFact } from './error-fact.ts'
import { asIndex, asName, asObject, asText, type JsonObject, objectsOf } from './json-value.ts'
import { type AnswerEnd, answerFacts, type ResponseFold } from './response-fold.ts'
import { type OutputItem, thoughtsOf, toolOf } from './responses-items.ts'
import { readResponsesUsage, responsesUsage } from './responses-usage.ts'
import { createTextBudget, MAX_ITEMS } from './text-budget.ts'
import { withTiers } from './tiers.ts'

/** The events after which a response does not change any more. */
export const TERMINAL_EVENTS: ReadonlySet<string> = new Set([
  'response.completed',
  'response.incomplete',
  'response.failed',
  'response.cancelled',
])

const TERMINAL_STATES: ReadonlySet<unknown> = new Set([
  'completed',
  'incomplete',
  'failed',
  'cancelled',
])

/**
 * One response of OpenAI's Responses API: a blocking body, an SSE stream, or
 * the part of a WebSocket between `response.created` and its end
 * (https://platform.openai.com/docs/api-reference/responses-streaming).
 * What names another response counts only if ours never ends: Copilot
 * changes ids on the way.
 */
export class ResponsesFold implements ResponseFold {
  readonly #counters: Counters = new Map()
  readonly #items = new Map<number, OutputItem>()
  readonly #keep = createTextBudget()
  #id: string | null = null
  #model: string | null = null
  #tier: string | undefined
  #error: ErrorFact | undefined
  #stray: JsonObject | undefined
  #started = false
  #ended = false
  #background = false

  #put(index: number | undefined, item: JsonObject | undefined): void {
    if (index === undefined || item === undefined || this.#items.size >= MAX_ITEMS) return
    const tool = toolOf(item, this.#keep)
    const thoughts = thoughtsOf(item, this.#keep)
    if (tool === undefined && thoughts.length === 0) return
    const deltas = this.#items.get(index)?.deltas ?? ''
    this.#items.set(index, { tool, thoughts, deltas })
  }

  #response(value: JsonObject, terminal: boolean): void {
    const own = asName(value['id'])
    if (this.#id !== null && own !== undefined && own !== this.#id) {
      if (terminal) this.#stray ??= value
      return
    }
    this.#head(value)
    readResponsesUsage(this.#counters, asObject(value['usage']))
    for (const [index, item] of objectsOf(value['output']).entries()) this.#put(index, item)
    if (asObject(value['error']) !== undefined) this.#error = errorFact(value) ?? this.#error
    if (terminal || TERMINAL_STATES.has(value['status'])) this.#ended = true
  }

  #head(value: JsonObject): void {
    this.#started = true
    this.#background ||= value['background'] === true
    this.#id ??= asName(value['id']) ?? null
    this.#model = asName(value['model']) ?? this.#model
    // What was asked for at first, and what was given at the end.
    this.#tier = asName(value['service_tier']) ?? this.#tier
  }

  #argument(value: JsonObject): void {
    const entry = this.#items.get(asIndex(value['output_index']) ?? -1)
    if (entry !== undefined) entry.deltas += this.#keep(asText(value['delta']) ?? '')
  }

  event(value: JsonObject, name: string | undefined): void {
    const type = asName(value['type']) ?? name
    if (value['object'] === 'response') return this.#response(value, false)
    // The answer of `/responses/compact`, which is billed like any other.
    if (value['object'] === 'response.compaction') return this.#response(value, true)
    switch (type) {
      case 'response.output_item.added':
      case 'response.output_item.done':
        return this.#put(asIndex(value['output_index']), asObject(value['item']))
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta':
      case 'response.mcp_call_arguments.delta':
        return this.#argument(value)
      case 'error':
      case undefined:
        this.#error = streamError(value) ?? this.#error
        return
      default: {
        const body = asObject(value['response'])
        if (body !== undefined) this.#response(body, TERMINAL_EVENTS.has(type))
      }
    }
  }

  done(): void {}

  finish(end: AnswerEnd): ResponseFacts {
    if (!this.#ended && this.#stray !== undefined) {
      this.#response({ ...this.#stray, id: this.#id }, true)
    }
    const usage = withTiers(responsesUsage(this.#counters), [this.#tier])
    const ordered = [...this.#items.entries()].sort(([a], [b]) => a - b).map(([, item]) => item)
    const facts = {
      ...answerFacts(
        {
          responseId: this.#id,
          model: this.#model,
          usage,
          error: this.#error,
          started: this.#started,
          final: this.#ended,
          ended: this.#ended,
        },
        end,
      ),
      tools: ordered.flatMap(({ tool, deltas }) => {
        if (tool === undefined) return []
        return [tool.input === '' ? { ...tool, input: deltas.trim() } : tool]
      }),
      thoughts: ordered.flatMap(({ thoughts }) => thoughts),
    }
    if (!this.#background || this.#ended) return facts
    // What it says of tokens by now is told again with its end.
    return { ...facts, usage: null, usageNote: 'missing', pending: true }
  }
}

/** `{ type: "error", code, message }`, or the same around an `error` object. */
function streamError(value: JsonObject): ErrorFact | undefined {
  if (asObject(value['error']) !== undefined) return errorFact(value)
  return errorFact({ error: { code: value['code'], message: value['message'] } })
}
