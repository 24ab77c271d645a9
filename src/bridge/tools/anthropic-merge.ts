import type { SseEvent } from '../tap/sse-parser.ts'
import {
  asIndex,
  asObject,
  asText,
  type JsonObject,
  objectsOf,
  parseObject,
} from '../usage/json-value.ts'
import { growBlock, wholeBlock } from './anthropic-block.ts'
import type { AnswerMerge, Turn } from './dialect.ts'
import type { ToolResult } from './offered-tool.ts'
import { jsonEvent } from './sse-text.ts'
import { sumUsage } from './sum-usage.ts'

interface Block {
  value: JsonObject
  /** Its place in what the client sees; undefined for a call of ours. */
  readonly place: number | undefined
}

/** Messages API: https://docs.anthropic.com/en/docs/build-with-claude/streaming */
export class AnthropicMerge implements AnswerMerge {
  readonly #isOffered: (name: string) => boolean
  #answers = 0
  #places = 0
  #blocks = new Map<number, Block>()
  #stopReason: string | undefined
  /** Of the answers that are over, and of the one under way. */
  #usageBefore: JsonObject | undefined
  #usage: JsonObject = {}
  #shown: JsonObject[] = []
  #last: JsonObject = {}

  constructor(isOffered: (name: string) => boolean) {
    this.#isOffered = isOffered
  }

  event(event: SseEvent): readonly SseEvent[] {
    const value = parseObject(event.data)
    switch (value?.['type']) {
      case 'message_start':
        return this.#start(event, value)
      case 'content_block_start':
        return this.#blockStart(event, value)
      case 'content_block_delta':
      case 'content_block_stop':
        return this.#blockGoesOn(event, value)
      case 'message_delta':
        return this.#delta(event, value)
      case 'message_stop':
        return this.#isTurn() ? [] : [event]
      default:
        return [event]
    }
  }

  answer(answer: JsonObject): void {
    this.#blocks = new Map(
      objectsOf(answer['content']).map((value, index) => [
        index,
        { value, place: this.#isOurs(value) ? undefined : index },
      ]),
    )
    this.#stopReason = asText(answer['stop_reason'])
    this.#usage = asObject(answer['usage']) ?? {}
    this.#last = answer
    this.#shown.push(...this.#visible())
  }

  turn(): Turn | undefined {
    if (!this.#isTurn()) return undefined
    const content = [...this.#blocks.values()].map(({ value }) => wholeBlock(value))
    this.#answers += 1
    this.#usageBefore = this.#total()
    this.#usage = {}
    this.#blocks = new Map()
    this.#stopReason = undefined
    const calls = content.filter(block => this.#isOurs(block))
    return {
      calls: calls.map(block => ({
        id: asText(block['id']) ?? '',
        name: asText(block['name']) ?? '',
        input: JSON.stringify(block['input'] ?? {}),
      })),
      entries: results => [
        JSON.stringify({ role: 'assistant', content }),
        JSON.stringify({ role: 'user', content: results.map(resultBlock) }),
      ],
    }
  }

  result(): JsonObject {
    return { ...this.#last, content: this.#shown, usage: this.#total() }
  }

  failure(error: JsonObject): readonly SseEvent[] {
    const delta = { stop_reason: null, stop_sequence: null }
    return [
      // The answers that were left out are paid for all the same.
      jsonEvent('message_delta', { type: 'message_delta', delta, usage: this.#total() }),
      jsonEvent('error', { type: 'error', error: error['error'] ?? error }),
    ]
  }

  #start(event: SseEvent, value: JsonObject): readonly SseEvent[] {
    this.#usage = asObject(asObject(value['message'])?.['usage']) ?? {}
    return this.#answers === 0 ? [event] : []
  }

  #blockStart(event: SseEvent, value: JsonObject): readonly SseEvent[] {
    const index = asIndex(value['index'])
    const block = asObject(value['content_block'])
    if (index === undefined || block === undefined) return [event]
    const place = this.#isOurs(block) ? undefined : this.#places++
    this.#blocks.set(index, { value: block, place })
    return placed(event, value, place)
  }

  #blockGoesOn(event: SseEvent, value: JsonObject): readonly SseEvent[] {
    const block = this.#blocks.get(asIndex(value['index']) ?? -1)
    if (block === undefined) return [event]
    const delta = asObject(value['delta'])
    if (delta !== undefined) block.value = growBlock(block.value, delta)
    return placed(event, value, block.place)
  }

  #delta(event: SseEvent, value: JsonObject): readonly SseEvent[] {
    this.#stopReason = asText(asObject(value['delta'])?.['stop_reason']) ?? this.#stopReason
    const usage = asObject(value['usage'])
    // Within one message the numbers are cumulative: the later replaces the earlier.
    if (usage !== undefined) this.#usage = { ...this.#usage, ...known(usage) }
    if (this.#isTurn()) return []
    if (this.#answers === 0) return [event]
    return [jsonEvent(event.name, { ...value, usage: this.#total() })]
  }

  #total(): JsonObject {
    return sumUsage(this.#usageBefore, this.#usage)
  }

  #visible(): JsonObject[] {
    return [...this.#blocks.values()]
      .filter(({ place }) => place !== undefined)
      .map(({ value }) => value)
  }

  #isOurs(block: JsonObject): boolean {
    const name = asText(block['name'])
    return block['type'] === 'tool_use' && name !== undefined && this.#isOffered(name)
  }

  /** Only our tools were called: with one of the client's among them the client has its turn. */
  #isTurn(): boolean {
    if (this.#stopReason !== 'tool_use') return false
    const used = [...this.#blocks.values()].filter(({ value }) => value['type'] === 'tool_use')
    return used.length > 0 && used.every(({ value }) => this.#isOurs(value))
  }
}

function placed(
  event: SseEvent,
  value: JsonObject,
  place: number | undefined,
): readonly SseEvent[] {
  if (place === undefined) return []
  return value['index'] === place ? [event] : [jsonEvent(event.name, { ...value, index: place })]
}

function known(usage: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== null))
}

function resultBlock({ call, text, isError }: ToolResult): JsonObject {
  return {
    type: 'tool_result',
    tool_use_id: call.id,
    content: [{ type: 'text', text }],
    ...(isError && { is_error: true }),
  }
}
