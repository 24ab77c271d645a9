import type { ResponseFacts, Thought, TokenUsage, ToolUse } from '../../kernel/usage.ts'
import { type Counters, count, extraCounts } from './counters.ts'
import { type ErrorFact, errorFact } from './error-fact.ts'
import {
  asCount,
  asIndex,
  asName,
  asObject,
  asText,
  type JsonObject,
  objectsOf,
} from './json-value.ts'
import { type AnswerEnd, answerFacts, type ResponseFold } from './response-fold.ts'
import { createTextBudget, MAX_ITEMS } from './text-budget.ts'
import { withTiers } from './tiers.ts'

/** What we keep of a content block; `text` is what its deltas added. */
interface Block {
  readonly tool: ToolUse | undefined
  text: string
}

/** Blocks in which the model calls a tool: the client's, the provider's, an MCP server's. */
const TOOL_BLOCKS = new Set(['tool_use', 'server_tool_use', 'mcp_tool_use'])

/**
 * Anthropic's Messages API, blocking and streaming, also as Bedrock carries it.
 * Numbers are cumulative: `message_delta` overrides what `message_start` said,
 * field by field (https://docs.anthropic.com/en/docs/build-with-claude/streaming).
 */
export class AnthropicFold implements ResponseFold {
  readonly #counters: Counters = new Map()
  readonly #blocks = new Map<number, Block>()
  readonly #keep = createTextBudget()
  #id: string | null = null
  #model: string | null = null
  #tier: string | undefined
  #speed: string | undefined
  #geo: string | undefined
  #error: ErrorFact | undefined
  #started = false
  #ended = false
  #stopped = false
  /** A `message_delta` has said how much was generated. */
  #counted = false

  #open(index: number | undefined, start: JsonObject | undefined): void {
    if (index === undefined || start === undefined || this.#blocks.size >= MAX_ITEMS) return
    const tool = toolOf(start, this.#keep)
    if (tool === undefined && start['type'] !== 'thinking') return
    this.#blocks.set(index, { tool, text: this.#keep(asText(start['thinking']) ?? '') })
  }

  #message(value: JsonObject | undefined): boolean {
    if (value === undefined) return false
    const own = asName(value['id']) ?? null
    // A second message in one stream is somebody else's: its numbers are not ours.
    if (this.#started && own !== this.#id) return false
    this.#started = true
    this.#id = own
    this.#model = asName(value['model']) ?? this.#model
    for (const [index, block] of objectsOf(value['content']).entries()) this.#open(index, block)
    this.#usage(asObject(value['usage']))
    return true
  }

  /** How it was served is said where the numbers are; the last word counts. */
  #usage(usage: JsonObject | undefined): void {
    readUsage(this.#counters, usage)
    this.#tier = asName(usage?.['service_tier']) ?? this.#tier
    this.#speed = asName(usage?.['speed']) ?? this.#speed
    this.#geo = asName(usage?.['inference_geo']) ?? this.#geo
  }

  #delta(value: JsonObject): void {
    const block = this.#blocks.get(asIndex(value['index']) ?? -1)
    const change = asObject(value['delta'])
    if (block === undefined || change === undefined) return
    const more = asText(change['partial_json']) ?? asText(change['thinking'])
    if (more !== undefined) block.text += this.#keep(more)
  }

  #messageDelta(value: JsonObject): void {
    const usage = asObject(value['usage'])
    this.#usage(usage)
    if (asName(asObject(value['delta'])?.['stop_reason']) !== undefined) this.#stopped = true
    if (asCount(usage?.['output_tokens']) !== undefined) this.#counted = true
  }

  event(value: JsonObject, name: string | undefined): void {
    switch (asName(value['type']) ?? name) {
      case 'message':
        this.#ended = this.#message(value) || this.#ended
        this.#counted ||= this.#ended
        return
      case 'message_start':
        this.#message(asObject(value['message']))
        return
      case 'content_block_start':
        return this.#open(asIndex(value['index']), asObject(value['content_block']))
      case 'content_block_delta':
        return this.#delta(value)
      case 'message_delta':
        return this.#messageDelta(value)
      case 'message_stop':
        this.#ended = true
        readBedrock(this.#counters, asObject(value['amazon-bedrock-invocationMetrics']))
        return
      case 'error':
      case undefined:
        this.#error = errorFact(value) ?? this.#error
    }
  }

  done(): void {
    this.#ended = true
  }

  finish(end: AnswerEnd): ResponseFacts {
    const usage = withTiers(usageOf(this.#counters), [this.#tier, this.#speed, this.#geo])
    const ordered = [...this.#blocks.entries()].sort(([a], [b]) => a - b).map(([, block]) => block)
    return {
      ...answerFacts(
        {
          responseId: this.#id,
          model: this.#model,
          usage,
          error: this.#error,
          started: this.#started,
          final: this.#counted && (this.#stopped || this.#ended),
          ended: this.#ended,
        },
        end,
      ),
      tools: ordered.flatMap(({ tool, text }) => {
        if (tool === undefined) return []
        return [text === '' ? tool : { ...tool, input: text }]
      }),
      thoughts: ordered.flatMap(thoughtOf),
    }
  }
}

const SCALARS = [
  'input_tokens',
  'output_tokens',
  'cache_read_input_tokens',
  'cache_creation_input_tokens',
] as const

function readUsage(counters: Counters, usage: JsonObject | undefined): void {
  if (usage === undefined) return
  for (const name of SCALARS) count(counters, name, usage[name])
  const split = asObject(usage['cache_creation'])
  count(counters, '5m', split?.['ephemeral_5m_input_tokens'])
  count(counters, '1h', split?.['ephemeral_1h_input_tokens'])
  const server = asObject(usage['server_tool_use'])
  count(counters, 'web_search_requests', server?.['web_search_requests'])
  count(counters, 'web_fetch_requests', server?.['web_fetch_requests'])
  readCompaction(counters, objectsOf(usage['iterations']))
}

/**
 * The step that summarises a long conversation is billed but is not in the
 * numbers of the message
 * (https://docs.anthropic.com/en/docs/build-with-claude/compaction).
 */
function readCompaction(counters: Counters, iterations: readonly JsonObject[]): void {
  const steps = iterations.filter(step => step['type'] === 'compaction')
  for (const name of SCALARS) {
    const counts = steps.map(step => asCount(step[name])).filter(one => one !== undefined)
    if (counts.length === 0) continue
    const total = counts.reduce((sum, one) => sum + one, 0)
    count(counters, `compaction_${name}`, total)
  }
}

/** Bedrock's own count, where the message carried none. */
function readBedrock(counters: Counters, metrics: JsonObject | undefined): void {
  if (metrics === undefined) return
  const pairs = [
    ['input_tokens', 'inputTokenCount'],
    ['output_tokens', 'outputTokenCount'],
    ['cache_read_input_tokens', 'cacheReadInputTokenCount'],
    ['cache_creation_input_tokens', 'cacheWriteInputTokenCount'],
  ] as const
  for (const [name, theirs] of pairs) {
    if (!counters.has(name)) count(counters, name, metrics[theirs])
  }
}

const EXTRA = {
  web_search_requests: 'web_search_requests',
  web_fetch_requests: 'web_fetch_requests',
  cache_creation_input_tokens: 'cache_creation_input',
  cache_read_input_tokens: 'cache_read_input',
  '1h': 'cache_ephemeral_1h_input',
  '5m': 'cache_ephemeral_5m_input',
  compaction_input_tokens: 'compaction_input',
  compaction_output_tokens: 'compaction_output',
}

function usageOf(counters: Counters): TokenUsage | null {
  if (counters.size === 0) return null
  const total = (name: (typeof SCALARS)[number]): number | null => {
    const value = counters.get(name)
    const compaction = counters.get(`compaction_${name}`)
    return value === undefined && compaction === undefined ? null : (value ?? 0) + (compaction ?? 0)
  }
  const split = [counters.get('5m'), counters.get('1h')].filter(part => part !== undefined)
  const splitTotal = split.length === 0 ? null : split.reduce((sum, part) => sum + part, 0)
  return {
    input: total('input_tokens'),
    output: total('output_tokens'),
    cacheRead: total('cache_read_input_tokens'),
    cacheWrite: total('cache_creation_input_tokens') ?? splitTotal,
    extra: extraCounts(counters, EXTRA),
  }
}

function toolOf(block: JsonObject, keep: (text: string) => string): ToolUse | undefined {
  const type = asName(block['type']) ?? ''
  const name = asName(block['name'])
  if (!TOOL_BLOCKS.has(type) || name === undefined) return undefined
  return {
    callId: asName(block['id']) ?? null,
    name,
    input: keep(JSON.stringify(block['input'] ?? {})),
    serverUrl: type === 'tool_use' ? null : (asName(block['server_name']) ?? 'anthropic'),
  }
}

function thoughtOf({ tool, text }: Block): Thought[] {
  return tool === undefined && text !== '' ? [{ content: text, source: 'thinking' }] : []
}
