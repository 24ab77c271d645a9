import type { WireFormat } from '../../kernel/usage.ts'
import { requestFacts, UNKNOWN_REQUEST } from '../usage/request-facts.ts'
import { UNPARSED } from '../usage/response-fold.ts'
import { Answer } from './answer.ts'
import { Body } from './body.ts'
import type { Observation, Shared } from './observation.ts'
import { parseBody } from './parse-body.ts'
import type { AnswerHead, Codings, Side } from './protocol.ts'

interface Call {
  readonly format: WireFormat
  readonly path: string
  readonly codings: Codings
}

/** A request and its answer: one set of facts for each. */
export class HttpObservation implements Observation {
  readonly #call: Call
  readonly #shared: Shared
  readonly #request: Body
  #requestEnded = false
  #answer: Answer | undefined

  constructor(call: Call, shared: Shared) {
    this.#call = call
    this.#shared = shared
    this.#request = new Body(shared.memory.up, call.codings, shared.limits.callBytes)
  }

  head(head: AnswerHead): void {
    const { memory, limits } = this.#shared
    this.#answer ??= new Answer(this.#call.format, head, memory.down, limits)
  }

  bytes(side: Side, bytes: Buffer): void {
    if (side === 'down') {
      if (this.#answer?.push(bytes) !== true) this.#shared.listener.onStop('down')
      return
    }
    this.#request.append(bytes)
    if (!this.#request.readable) this.#shared.listener.onStop('up')
  }

  lost(side: Side): void {
    if (side === 'up') this.#request.giveUp()
    else this.#answer?.lose()
  }

  end(side: Side, complete: boolean): void {
    this.#endRequest()
    if (side === 'up') return
    const facts = this.#answer?.end(complete) ?? UNPARSED
    this.#shared.listener.onResponse(facts)
    this.#shared.listener.onSettled()
  }

  /** A request that was cut off is read as far as it is JSON: not at all. */
  #endRequest(): void {
    if (this.#requestEnded) return
    this.#requestEnded = true
    const bytes = this.#request.take()
    const value = bytes === undefined ? undefined : parseBody(bytes)?.[0]
    const { format, path } = this.#call
    const facts = value === undefined ? UNKNOWN_REQUEST : requestFacts(format, value, path)
    this.#shared.listener.onRequest(facts)
  }
}
