import type { Clock } from '../../kernel/clock.ts'
import { firstHeader, headerValues, type RawHeaders } from '../../kernel/headers.ts'
import { SharedMemory } from '../../kernel/memory.ts'
import type { WireFormat } from '../../kernel/usage.ts'
import { framingOf } from '../usage/format.ts'
import { CallTap, type TapHandlers } from './call-tap.ts'
import { codingsOf } from './decode-body.ts'
import { TAP_LIMITS, type TapLimits } from './limits.ts'
import { Outbox } from './outbox.ts'
import type { AnswerHead, Finding, Takeover } from './protocol.ts'
import { TapLink } from './tap-link.ts'

export interface TapsOptions {
  readonly clock: Clock
  readonly limits?: TapLimits
  /** The worker's file, for tests. */
  readonly worker?: URL
  /** How long it may be silent, for tests. */
  readonly stuckMs?: number
  /** For the operator: the worker died, or a handler threw. */
  readonly onProblem: (problem: string) => void
}

/** A call to be observed. */
export interface TapRequest extends TapHandlers {
  /** Whose share of the memory it uses. */
  readonly user: string
  readonly format: WireFormat
  /** As sent to the provider. */
  readonly path: string
  readonly headers: RawHeaders
}

const CLOSE_MS = 1000

/**
 * The side tap: hands copies of what calls carry to a thread that reads them,
 * and says what it found. It takes copies only, never waits, and gives up on
 * what does not fit its limits.
 */
export class Taps implements AsyncDisposable {
  readonly #options: TapsOptions
  readonly #link: TapLink
  readonly #outbox: Outbox
  readonly #open = new Map<number, CallTap>()
  #lastId = 0

  constructor(options: TapsOptions) {
    this.#options = options
    const limits = options.limits ?? TAP_LIMITS
    this.#outbox = new Outbox(new SharedMemory(limits.processBytes), batch =>
      this.#link.post(batch),
    )
    this.#link = new TapLink({
      clock: options.clock,
      limits,
      worker: options.worker,
      stuckMs: options.stuckMs,
      onMessage: ({ findings, read }) => {
        this.#outbox.onRead(read)
        for (const finding of findings) this.#apply(finding)
      },
      onDeath: problem => this.#died(problem),
    })
  }

  /** Observes a request and its answer. */
  open(request: TapRequest): CallTap {
    return this.#begin(request, undefined, false)
  }

  /**
   * Observes a WebSocket that was agreed on; `headers` are those of the 101.
   * `request` takes what the client sends, `response()` what the provider does.
   */
  openWebSocket(request: TapRequest): CallTap {
    return this.#begin(request, takeoverOf(request.headers), true)
  }

  /** Reads what was copied so far, then ends the thread. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#settled()
    this.#outbox.flush()
    await this.#link[Symbol.asyncDispose]()
    for (const tap of this.#open.values()) tap.fail()
  }

  /** Connections that were cut a moment ago have yet to say so. */
  async #settled(): Promise<void> {
    const patience = Promise.withResolvers<void>()
    const limit = setTimeout(patience.resolve, CLOSE_MS)
    const settled = [...this.#open.values()].map(tap => tap.settled)
    await Promise.race([Promise.all(settled), patience.promise])
    clearTimeout(limit)
  }

  #begin(request: TapRequest, takeover: Takeover | undefined, isWebSocket: boolean): CallTap {
    this.#lastId += 1
    const id = this.#lastId
    // SECURITY: it is clients that offer extensions, and nobody may choose one to go unread.
    const isReadable = this.#link.available() && isWebSocket === (takeover !== undefined)
    const tap = new CallTap(
      {
        id,
        outbox: this.#outbox,
        user: request.user,
        headOf: (status, headers) => headOf(request.format, status, headers),
        onClosed: () => this.#open.delete(id),
        onProblem: this.#options.onProblem,
      },
      request,
      isWebSocket,
    )
    this.#open.set(id, tap)
    if (!isReadable) tap.fail()
    else {
      const path = request.path.split('?', 1)[0] ?? ''
      const codings = codingsOf(request.headers)
      const { user, format } = request
      this.#outbox.add(user, { op: 'open', id, format, path, codings, takeover })
    }
    return tap
  }

  #apply(finding: Finding): void {
    const tap = this.#open.get(finding.id)
    switch (finding.kind) {
      case 'request':
        return tap?.onRequest(finding.facts)
      case 'response':
        return tap?.onResponse(finding.facts)
      case 'stop':
        return tap?.stop(finding.side)
      case 'failed':
        return tap?.fail()
      case 'settled':
        return tap?.settle()
    }
  }

  #died(problem: string): void {
    for (const tap of this.#open.values()) tap.fail()
    this.#outbox.forget()
    this.#options.onProblem(`the side tap's thread died: ${problem}`)
  }
}

function headOf(format: WireFormat, status: number, headers: RawHeaders): AnswerHead {
  const framing = framingOf(format, firstHeader(headers, 'content-type'))
  return { status, framing, codings: codingsOf(headers) }
}

/** RFC 7692 7.1.1, as the server's answer states it; undefined where we cannot read it. */
function takeoverOf(headers: RawHeaders): Takeover | undefined {
  const [agreed, another] = headerValues(headers, 'sec-websocket-extensions')
    .flatMap(value => value.toLowerCase().split(','))
    .filter(text => text.trim() !== '')
  if (agreed === undefined) return { deflate: false, up: true, down: true }
  const [name, ...parameters] = agreed.split(';').map(text => text.trim())
  if (name !== 'permessage-deflate' || another !== undefined) return undefined
  return {
    deflate: true,
    up: !parameters.includes('client_no_context_takeover'),
    down: !parameters.includes('server_no_context_takeover'),
  }
}
