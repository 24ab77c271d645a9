import { asName, asObject, type JsonObject, parseObject } from '../usage/json-value.ts'
import { requestFacts, UNKNOWN_REQUEST } from '../usage/request-facts.ts'
import { type ResponseFold, UNPARSED } from '../usage/response-fold.ts'
import { ResponsesFold, TERMINAL_EVENTS } from '../usage/responses-response.ts'
import { MessageParser } from './message-parser.ts'
import type { Listener, Observation, Shared } from './observation.ts'
import { isBomb } from './parse-body.ts'
import type { Side, Takeover } from './protocol.ts'

/** Responses that a connection may have under way. */
const MAX_OPEN = 16

/**
 * OpenAI's Responses API over a WebSocket: each `response.create` is a request,
 * and what lies between `response.created` and its end is its answer. Every
 * request gets one answer, if only one that says that it was cut off.
 */
export class WebSocketObservation implements Observation {
  readonly #listener: Listener
  readonly #parsers: Readonly<Record<Side, MessageParser>>
  /** By response id; finishing one takes it out. */
  readonly #open = new Map<string, ResponseFold>()
  /** The response that events without an id belong to. */
  #current: string | undefined
  #lastFinished: string | undefined
  #unanswered = 0
  #gap = false

  constructor(takeover: Takeover, { memory, limits, listener }: Shared) {
    this.#listener = listener
    const parser = (side: Side, onText: (text: string) => void): MessageParser =>
      new MessageParser({
        deflate: takeover.deflate,
        contextTakeover: takeover[side],
        maxMessageBytes: limits.eventBytes,
        memory: memory[side],
        onText,
        onSkipped: () => this.lost(side),
      })
    this.#parsers = {
      up: parser('up', text => this.#fromClient(text)),
      down: parser('down', text => this.#fromProvider(text)),
    }
  }

  head(): void {}

  bytes(side: Side, bytes: Buffer): void {
    this.#parsers[side].push(bytes)
  }

  lost(side: Side): void {
    // Only a request for a response is ever so large.
    if (side === 'up') this.#request(undefined)
    else this.#gap = true
  }

  end(side: Side, complete: boolean): void {
    if (side === 'up') return
    for (const id of this.#open.keys()) this.#finish(id, complete)
    const facts = this.#gap ? UNPARSED : ({ ...UNPARSED, usageNote: 'partial' } as const)
    for (; this.#unanswered > 0; this.#unanswered -= 1) this.#listener.onResponse(facts)
    this.#listener.onSettled()
  }

  #fromClient(text: string): void {
    if (isBomb(text)) return this.lost('up')
    const value = parseObject(text)
    // SECURITY: whoever reads more than JSON may have taken it for a request.
    if (value === undefined) this.lost('up')
    else if (value['type'] === 'response.create') this.#request(value)
  }

  /** SECURITY: a client can send requests of thirty bytes by the million; each becomes a row. */
  #request(value: JsonObject | undefined): void {
    if (this.#unanswered >= MAX_OPEN) {
      this.#gap = true
      return
    }
    this.#unanswered += 1
    const body = value === undefined ? undefined : (asObject(value['response']) ?? value)
    const facts = body === undefined ? UNKNOWN_REQUEST : requestFacts('openai-responses', body, '')
    // Everything on a WebSocket is streamed, whatever the message says.
    this.#listener.onRequest(body === undefined ? facts : { ...facts, streaming: true })
  }

  #fromProvider(text: string): void {
    const value = isBomb(text) ? undefined : parseObject(text)
    if (value === undefined) {
      this.#gap = true
      return
    }
    const type = asName(value['type']) ?? ''
    const own = asName(asObject(value['response'])?.['id'])
    if (type === 'error') return this.#error(value)
    if (own !== undefined && !this.#begin(own)) return
    const id = own ?? this.#current
    const fold = id === undefined ? undefined : this.#open.get(id)
    if (id === undefined || fold === undefined) return
    fold.event(value, undefined)
    if (TERMINAL_EVENTS.has(type)) this.#finish(id, true)
  }

  /** False for a response that is over already. */
  #begin(id: string): boolean {
    if (this.#open.has(id)) return true
    if (id === this.#lastFinished) return false
    const oldest = this.#open.keys().next().value
    if (this.#open.size >= MAX_OPEN && oldest !== undefined) this.#finish(oldest, false)
    this.#open.set(id, new ResponsesFold())
    this.#current = id
    return true
  }

  /** Ends the response under way, or takes the place of one that never began. */
  #error(value: JsonObject): void {
    const id = this.#current ?? ''
    const fold = this.#open.get(id) ?? new ResponsesFold()
    this.#open.set(id, fold)
    fold.event(value, undefined)
    this.#finish(id, true)
  }

  #finish(id: string, complete: boolean): void {
    const fold = this.#open.get(id)
    if (fold === undefined) return
    this.#open.delete(id)
    this.#lastFinished = id
    if (this.#current === id) this.#current = undefined
    this.#unanswered = Math.max(0, this.#unanswered - 1)
    this.#listener.onResponse(fold.finish({ complete, gap: this.#gap }))
    // What was missed before this answer began is nothing to the next one.
    if (this.#open.size === 0) this.#gap = false
  }
}
