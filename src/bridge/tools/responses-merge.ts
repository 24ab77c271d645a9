import type { SseEvent } from '../tap/sse-parser.ts'
import {
  asIndex,
  asObject,
  asText,
  type JsonObject,
  objectsOf,
  parseObject,
} from '../usage/json-value.ts'
import { TERMINAL_EVENTS } from '../usage/responses-response.ts'
import type { AnswerMerge, Turn } from './dialect.ts'
import type { ToolResult } from './offered-tool.ts'
import { jsonEvent } from './sse-text.ts'
import { sumUsage } from './sum-usage.ts'

/** Responses: https://platform.openai.com/docs/api-reference/responses-streaming */
export class ResponsesMerge implements AnswerMerge {
  readonly #isOffered: (name: string) => boolean
  #answers = 0
  /** Where each item of the answer under way stands for the client; undefined for ours. */
  #places = new Map<number, number | undefined>()
  #nextPlace = 0
  #sequence = 0
  /** As the first answer began. */
  #head: JsonObject = {}
  #response: JsonObject = {}
  #usageBefore: JsonObject | undefined
  #shown: JsonObject[] = []

  constructor(isOffered: (name: string) => boolean) {
    this.#isOffered = isOffered
  }

  event(event: SseEvent): readonly SseEvent[] {
    const value = parseObject(event.data)
    if (value === undefined) return [event]
    const response = asObject(value['response'])
    if (response !== undefined) return this.#whole(event, value, response)
    const index = asIndex(value['output_index'])
    if (index === undefined) return this.#numbered(event, value, {})
    const item = asObject(value['item'])
    if (!this.#places.has(index)) {
      const isOurs = item !== undefined && this.#isOurs(item)
      this.#places.set(index, isOurs ? undefined : this.#nextPlace++)
    }
    const place = this.#places.get(index)
    return place === undefined ? [] : this.#numbered(event, value, { output_index: place })
  }

  answer(answer: JsonObject): void {
    this.#response = answer
  }

  turn(): Turn | undefined {
    if (!this.#isTurn()) return undefined
    const items = outputOf(this.#response)
    const entries = items.filter(item => canBeRepeated(item, this.#response))
    this.#shown = this.#allShown()
    this.#usageBefore = this.#total()
    this.#answers += 1
    this.#places = new Map()
    this.#response = {}
    return {
      calls: items
        .filter(item => this.#isOurs(item))
        .map(item => ({
          id: asText(item['call_id']) ?? '',
          name: asText(item['name']) ?? '',
          input: asText(item['arguments']) || '{}',
        })),
      entries: results =>
        [...entries, ...results.map(resultItem)].map(entry => JSON.stringify(entry)),
    }
  }

  result(): JsonObject {
    const usage = this.#total()
    return {
      ...this.#response,
      output: this.#allShown(),
      ...(usage !== undefined && { usage }),
    }
  }

  failure(error: JsonObject): readonly SseEvent[] {
    const { code, type, message = '' } = asObject(error['error']) ?? error
    const response = {
      ...this.#head,
      ...this.result(),
      status: 'failed',
      error: { code: code ?? type ?? 'server_error', message },
    }
    const value = { type: 'response.failed', response, sequence_number: this.#sequence }
    return [jsonEvent('response.failed', value)]
  }

  /** An event about the response as a whole: how it began, or how it ended. */
  #whole(event: SseEvent, value: JsonObject, response: JsonObject): readonly SseEvent[] {
    const isStart = !TERMINAL_EVENTS.has(asText(value['type']) ?? '')
    if (isStart && this.#answers > 0) return []
    if (isStart) {
      this.#head = response
      return this.#numbered(event, value, {})
    }
    this.#response = response
    if (this.#isTurn()) return []
    const isWhole = this.#answers === 0 && outputOf(response).every(item => !this.#isOurs(item))
    return this.#numbered(event, value, isWhole ? {} : { response: this.result() })
  }

  #numbered(event: SseEvent, value: JsonObject, changes: JsonObject): readonly SseEvent[] {
    const { sequence_number: number } = value
    const sequence = number === undefined ? {} : { sequence_number: this.#sequence++ }
    const wanted = { ...value, ...changes, ...sequence }
    const isSame = Object.entries({ ...changes, ...sequence }).every(
      ([key, to]) => value[key] === to,
    )
    return [isSame ? event : jsonEvent(event.name, wanted)]
  }

  #allShown(): JsonObject[] {
    return [...this.#shown, ...outputOf(this.#response).filter(item => !this.#isOurs(item))]
  }

  #total(): JsonObject | undefined {
    const usage = asObject(this.#response['usage'])
    return usage === undefined ? this.#usageBefore : sumUsage(this.#usageBefore, usage)
  }

  #isOurs(item: JsonObject): boolean {
    const name = asText(item['name'])
    return item['type'] === 'function_call' && name !== undefined && this.#isOffered(name)
  }

  /** Our tools were called, and nothing that the client has to do itself. */
  #isTurn(): boolean {
    if (this.#response['status'] !== 'completed') return false
    const items = outputOf(this.#response)
    const calls = items.filter(item => CLIENT_CALLS.has(asText(item['type']) ?? ''))
    return calls.length > 0 && calls.every(item => this.#isOurs(item))
  }
}

/** Items that wait for somebody outside the provider. */
const CLIENT_CALLS: ReadonlySet<string> = new Set([
  'function_call',
  'custom_tool_call',
  'computer_call',
  'local_shell_call',
  'shell_call',
  'apply_patch_call',
  'mcp_approval_request',
])

/** Without `store` the provider knows no item again by its id alone. */
function canBeRepeated(item: JsonObject, response: JsonObject): boolean {
  const isOpaque = item['type'] === 'reasoning' && typeof item['encrypted_content'] !== 'string'
  return !(isOpaque && response['store'] === false)
}

function outputOf(response: JsonObject): readonly JsonObject[] {
  return objectsOf(response['output'])
}

function resultItem({ call, text }: ToolResult): JsonObject {
  return { type: 'function_call_output', call_id: call.id, output: text }
}
