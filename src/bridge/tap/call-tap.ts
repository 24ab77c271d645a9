import { describeError } from '../../kernel/error.ts'
import type { RawHeaders } from '../../kernel/headers.ts'
import type { RequestFacts, ResponseFacts } from '../../kernel/usage.ts'
import { UNKNOWN_REQUEST } from '../usage/request-facts.ts'
import { UNPARSED } from '../usage/response-fold.ts'
import { holderOf } from './observation.ts'
import type { Outbox, Owner } from './outbox.ts'
import type { AnswerHead, Side } from './protocol.ts'

/** Takes copies of the bytes of one direction. Never throws, never waits. */
export interface Sink {
  observe(chunk: Uint8Array): void
  /** `complete`: the body came to its end; false when it was cut off. */
  end(complete: boolean): void
}

/** Called from later turns of the event loop. */
export interface TapHandlers {
  /** Once for a call over HTTP, once for every `response.create` on a WebSocket. */
  readonly onRequest: (facts: RequestFacts) => void
  /** Once for every answer. */
  readonly onResponse: (facts: ResponseFacts) => void
}

interface Deps {
  readonly id: number
  readonly outbox: Outbox
  /** Whose memory is used. */
  readonly user: string
  readonly headOf: (status: number, headers: RawHeaders) => AnswerHead
  readonly onClosed: () => void
  readonly onProblem: (problem: string) => void
}

type SideState = 'open' | 'stopped' | 'ended'

/**
 * The tap of one call. Its facts come after the ends of the bodies; when the
 * answer's sink was ended, `onResponse` is called in any case, if only with
 * `unparsed`.
 */
export class CallTap {
  readonly #deps: Deps
  readonly #handlers: TapHandlers
  readonly #sides: Record<Side, SideState> = { up: 'open', down: 'open' }
  readonly #settled = Promise.withResolvers<void>()
  readonly #blinded = Promise.withResolvers<void>()
  readonly #isWebSocket: boolean
  readonly #owners: Readonly<Record<Side, Owner>>
  #toldRequest = false
  #toldResponse = false
  #failed = false
  #closed = false

  /** What goes to the provider. */
  readonly request: Sink

  constructor(deps: Deps, handlers: TapHandlers, isWebSocket: boolean) {
    this.#deps = deps
    this.#handlers = handlers
    this.#isWebSocket = isWebSocket
    const { id, user } = deps
    const owner = (side: Side): Owner => ({ id, user, side, holder: holderOf(user, side) })
    this.#owners = { up: owner('up'), down: owner('down') }
    this.request = this.#sink('up')
  }

  /** Resolves when every fact has been told, or the tap was cancelled. Never rejects. */
  get settled(): Promise<void> {
    return this.#settled.promise
  }

  /** Resolves when no more of a body that goes on is read. Never rejects. */
  get blinded(): Promise<void> {
    return this.#blinded.promise
  }

  /** What comes back; the head's values are those of the provider's answer. */
  response(status: number, headers: RawHeaders): Sink {
    if (!this.#isWebSocket && this.#isLive()) {
      const head = this.#deps.headOf(status, headers)
      this.#attempt(outbox => outbox.add(this.#deps.user, { op: 'head', id: this.#deps.id, head }))
    }
    return this.#sink('down')
  }

  /** There will be no answer: nothing is told any more. */
  cancel(): void {
    if (this.#closed) return
    if (!this.#failed) {
      this.#attempt(outbox => outbox.add(this.#deps.user, { op: 'cancel', id: this.#deps.id }))
    }
    this.settle()
  }

  onRequest(facts: RequestFacts): void {
    this.#toldRequest = true
    this.#tell(() => this.#handlers.onRequest(facts))
  }

  onResponse(facts: ResponseFacts): void {
    this.#toldResponse = true
    this.#tell(() => this.#handlers.onResponse(facts))
  }

  stop(side: Side): void {
    if (this.#sides[side] !== 'open') return
    this.#sides[side] = 'stopped'
    this.#blinded.resolve()
  }

  /** Nobody reads this call any more; what is owed is told when its answer has ended. */
  fail(): void {
    this.#failed = true
    this.#blinded.resolve()
    if (this.#sides.down === 'ended') this.#tellUnknown()
  }

  settle(): void {
    if (this.#closed) return
    this.#closed = true
    this.#deps.onClosed()
    this.#settled.resolve()
  }

  #isLive(): boolean {
    return !this.#failed && !this.#closed
  }

  #sink(side: Side): Sink {
    return {
      observe: chunk => this.#observe(side, chunk),
      end: complete => this.#end(side, complete),
    }
  }

  #observe(side: Side, chunk: Uint8Array): void {
    if (this.#sides[side] !== 'open' || !this.#isLive()) return
    this.#attempt(outbox => {
      if (outbox.bytes(this.#owners[side], chunk)) return
      this.stop(side)
      outbox.add(this.#deps.user, { op: 'lost', id: this.#deps.id, side })
    })
  }

  /** No memory for a copy is no reason to break a stream. */
  #attempt(send: (outbox: Outbox) => void): void {
    try {
      send(this.#deps.outbox)
    } catch (error) {
      this.#deps.onProblem(`the side tap could not copy: ${describeError(error)}`)
      setImmediate(() => this.fail())
    }
  }

  #end(side: Side, complete: boolean): void {
    if (this.#sides[side] === 'ended') return
    this.#sides[side] = 'ended'
    if (this.#closed) return
    if (this.#failed) {
      if (side === 'down') setImmediate(() => this.#tellUnknown())
      return
    }
    this.#attempt(outbox => {
      outbox.add(this.#deps.user, { op: 'end', id: this.#deps.id, side, complete })
      outbox.soon()
    })
  }

  #tellUnknown(): void {
    if (this.#closed) return
    if (!this.#toldRequest) this.onRequest(UNKNOWN_REQUEST)
    if (!this.#toldResponse) this.onResponse(UNPARSED)
    this.settle()
  }

  #tell(handler: () => void): void {
    if (this.#closed) return
    try {
      handler()
    } catch (error) {
      this.#deps.onProblem(`a reader of the side tap failed: ${describeError(error)}`)
    }
  }
}
