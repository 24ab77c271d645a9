import type { SseEvent } from '../tap/sse-parser.ts'
import {
  asIndex,
  asObject,
  asText,
  type JsonObject,
  objectsOf,
  parseObject,
} from '../usage/json-value.ts'
import type { AnswerMerge, Turn } from './dialect.ts'
import type { ToolResult } from './offered-tool.ts'
import { jsonEvent } from './sse-text.ts'
import { sumUsage } from './sum-usage.ts'

interface Call {
  readonly id: string
  readonly name: string
  input: string
  /** Its place in what the client sees; undefined for a call of ours. */
  readonly place: number | undefined
}

/** Chat Completions: https://platform.openai.com/docs/api-reference/chat-streaming */
export class ChatMerge implements AnswerMerge {
  readonly #isOffered: (name: string) => boolean
  #answers = 0
  #places = 0
  #calls = new Map<number, Call>()
  #content = ''
  #finishReason: string | undefined
  #usageBefore: JsonObject | undefined
  #usage: JsonObject | undefined
  /** `id` and `created` of the first answer, which all chunks of a message share. */
  #head: JsonObject = {}
  #shown = ''
  #last: JsonObject = {}

  constructor(isOffered: (name: string) => boolean) {
    this.#isOffered = isOffered
  }

  event(event: SseEvent): readonly SseEvent[] {
    if (event.data === '[DONE]') return this.#isTurn() ? [] : [event]
    const chunk = parseObject(event.data)
    if (chunk === undefined || chunk['error'] !== undefined) return [event]
    if (this.#answers === 0) this.#head = { id: chunk['id'], created: chunk['created'] }
    this.#usage = asObject(chunk['usage']) ?? this.#usage

    const [choice] = objectsOf(chunk['choices'])
    if (choice === undefined) return this.#isTurn() ? [] : this.#rewritten(event, chunk, {})
    return this.#choice(event, chunk, choice)
  }

  answer(answer: JsonObject): void {
    if (this.#answers === 0) this.#head = { id: answer['id'], created: answer['created'] }
    const [choice] = objectsOf(answer['choices'])
    const message = asObject(choice?.['message']) ?? {}
    this.#toolCalls(message)
    this.#content = asText(message['content']) ?? ''
    this.#shown += this.#content
    this.#finishReason = asText(choice?.['finish_reason'])
    this.#usage = asObject(answer['usage'])
    this.#last = answer
  }

  turn(): Turn | undefined {
    if (!this.#isTurn()) return undefined
    const calls = [...this.#calls.values()]
    const message = {
      role: 'assistant',
      content: this.#content === '' ? null : this.#content,
      tool_calls: calls.map(({ id, name, input }) => ({
        id,
        type: 'function',
        function: { name, arguments: input },
      })),
    }
    this.#answers += 1
    this.#usageBefore = this.#total()
    this.#usage = undefined
    this.#calls = new Map()
    this.#content = ''
    this.#finishReason = undefined
    return {
      calls: calls.map(({ id, name, input }) => ({ id, name, input: input === '' ? '{}' : input })),
      entries: results =>
        [message, ...results.map(resultMessage)].map(part => JSON.stringify(part)),
    }
  }

  result(): JsonObject {
    const usage = this.#total()
    const [choice] = objectsOf(this.#last['choices'])
    const message = asObject(choice?.['message']) ?? {}
    const own = objectsOf(message['tool_calls']).filter(call => !this.#isOurs(call))
    const { tool_calls: _all, ...rest } = message
    const shown = {
      ...rest,
      content: this.#shown === '' ? message['content'] : this.#shown,
      ...(own.length > 0 && { tool_calls: own }),
    }
    return {
      ...this.#last,
      ...this.#head,
      choices: [{ ...choice, message: shown }],
      ...(usage !== undefined && { usage }),
    }
  }

  failure(error: JsonObject): readonly SseEvent[] {
    const usage = this.#total()
    // The answers that were left out are paid for all the same.
    const counted = { ...this.#head, object: 'chat.completion.chunk', choices: [], usage }
    return [
      ...(usage === undefined ? [] : [jsonEvent(undefined, counted)]),
      jsonEvent(undefined, { error: error['error'] ?? error }),
    ]
  }

  #choice(event: SseEvent, chunk: JsonObject, choice: JsonObject): readonly SseEvent[] {
    const delta = asObject(choice['delta']) ?? {}
    const calls = this.#toolCalls(delta)
    this.#content += asText(delta['content']) ?? ''
    const finish = asText(choice['finish_reason'])
    this.#finishReason = finish ?? this.#finishReason
    const shown = shownDelta(delta, calls, this.#answers === 0)
    const isTurn = finish !== undefined && this.#isTurn()
    const isOurs = isTurn || (calls?.length === 0 && finish === undefined)
    if (isOurs && Object.keys(shown).length === 0) return []
    return this.#rewritten(event, chunk, {
      choices: [{ ...choice, delta: shown, ...(isTurn && { finish_reason: null }) }],
    })
  }

  /** Keeps what calls are made of; returns those that the client is to see, or undefined. */
  #toolCalls(delta: JsonObject): readonly JsonObject[] | undefined {
    if (delta['tool_calls'] === undefined) return undefined
    return objectsOf(delta['tool_calls']).flatMap((piece, order) => {
      const index = asIndex(piece['index']) ?? order
      const call = this.#callOf(index, piece)
      const { place } = call
      if (place === undefined) return []
      return [piece['index'] === undefined ? piece : { ...piece, index: place }]
    })
  }

  #callOf(index: number, piece: JsonObject): Call {
    const made = asObject(piece['function'])
    const input = asText(made?.['arguments']) ?? ''
    const known = this.#calls.get(index)
    if (known !== undefined) {
      known.input += input
      return known
    }
    const place = this.#isOurs(piece) ? undefined : this.#places++
    const call = { id: asText(piece['id']) ?? '', name: asText(made?.['name']) ?? '', input, place }
    this.#calls.set(index, call)
    return call
  }

  #rewritten(event: SseEvent, chunk: JsonObject, changes: JsonObject): readonly SseEvent[] {
    if (this.#answers === 0 && [...this.#calls.values()].every(isShownInPlace)) return [event]
    const usage = asObject(chunk['usage']) === undefined ? {} : { usage: this.#total() }
    return [jsonEvent(event.name, { ...chunk, ...changes, ...this.#head, ...usage })]
  }

  #total(): JsonObject | undefined {
    return this.#usage === undefined ? this.#usageBefore : sumUsage(this.#usageBefore, this.#usage)
  }

  #isOurs(call: JsonObject): boolean {
    const name = asText(asObject(call['function'])?.['name'])
    return name !== undefined && this.#isOffered(name)
  }

  #isTurn(): boolean {
    const calls = [...this.#calls.values()]
    return (
      this.#finishReason === 'tool_calls' &&
      calls.length > 0 &&
      calls.every(({ place }) => place === undefined)
    )
  }
}

/** One message begins once, and calls of ours are not in it. */
function shownDelta(
  delta: JsonObject,
  calls: readonly JsonObject[] | undefined,
  isFirst: boolean,
): JsonObject {
  const { tool_calls: _all, role, ...rest } = delta
  return {
    ...(role !== undefined && isFirst && { role }),
    ...rest,
    ...(calls !== undefined && calls.length > 0 && { tool_calls: calls }),
  }
}

function isShownInPlace({ place }: Call): boolean {
  return place !== undefined
}

function resultMessage({ call, text }: ToolResult): JsonObject {
  return { role: 'tool', tool_call_id: call.id, content: text }
}
