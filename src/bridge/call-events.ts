import { Socket } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import type { Clock } from '../kernel/clock.ts'
import { describeError, detailOf, type Refusal } from '../kernel/error.ts'
import type { CallEnded, RefusedKey } from '../kernel/event.ts'
import type { Call, Emit, Reply } from '../kernel/flow.ts'
import type { Reason } from '../kernel/reasons.ts'
import { withoutTokens } from '../kernel/token.ts'
import type { KnownCall } from './known-call.ts'
import { withoutQuery } from './path.ts'
import type { CallTap } from './tap/call-tap.ts'

type Variable = Pick<
  CallEnded,
  'status' | 'outcome' | 'reason' | 'bytesUp' | 'bytesDown' | 'detail'
>

interface Deps {
  readonly emit: Emit
  readonly clock: Clock
  /** Hears of the end when everything that was observed has been told. */
  readonly finish: (ended: CallEnded) => void
}

/**
 * Follows one call to its end and emits its event, once. It counts bytes as
 * they pass and shows them to the side tap; what reads and writes them knows
 * nothing of it.
 */
export class CallEvents {
  readonly #deps: Deps
  readonly #call: Call
  readonly #known: KnownCall
  readonly #at: number
  readonly #startedAt: number
  #sentAt: number | undefined
  #answeredAt: number | undefined
  #overheadMs: number | undefined
  #bytesUp = 0
  #bytesDown = 0
  /** Reads the request, and waits for an answer to read. */
  #tap: CallTap | undefined
  readonly #taps = new Set<CallTap>()
  #brokenOff: Refusal | undefined
  #usedHint: string | undefined
  #isOut = false
  readonly #refusedKeys: RefusedKey[] = []
  readonly #held: Disposable[] = []
  #ended = false

  constructor(deps: Deps, call: Call, known: KnownCall) {
    this.#deps = deps
    this.#call = call
    this.#known = known
    this.#at = deps.clock.now()
    this.#startedAt = deps.clock.monotonic()
    deps.emit({
      type: 'call_started',
      callId: call.id,
      provider: known.provider,
      route: known.route,
    })
  }

  get at(): number {
    return this.#at
  }

  /** Takes something over that is given back when the call has ended. */
  holds(slot: Disposable): void {
    this.#held.push(slot)
  }

  /** The request is ready to go: what came before was our own work. */
  sending(body: Readable | undefined, tap: CallTap | undefined): void {
    this.#tap = tap
    if (tap !== undefined) this.#taps.add(tap)
    this.#sentAt = this.#deps.clock.monotonic()
    this.#overheadMs = this.#sentAt - this.#startedAt
    if (body === undefined) {
      tap?.request.end(true)
      return
    }
    // Paused first: a listener alone must not start the flow.
    body.pause()
    body.on('data', (chunk: Buffer) => {
      this.#bytesUp += chunk.length
      tap?.request.observe(chunk)
    })
    body.once('end', () => tap?.request.end(true))
    body.once('close', () => tap?.request.end(false))
  }

  /** The next attempt is made with this central key. */
  usesKey(hint: string): void {
    this.#usedHint = hint
  }

  /** The request has left for the provider, to its last byte. */
  sent(): void {
    this.#isOut = true
  }

  get isOut(): boolean {
    return this.#isOut
  }

  /** Another request of the same call is about to go. */
  sendingAgain(): void {
    this.#isOut = false
  }

  /** The provider refused it, and another takes over. */
  keyRefused(refused: RefusedKey): void {
    this.#isOut = false
    this.#refusedKeys.push(refused)
    const { id: callId, provider, caller } = this.#call
    const { user } = caller.identity
    this.#deps.emit({ type: 'key_failover', callId, provider, user, ...refused })
  }

  /** The head of the provider's answer is there; follows the rest. */
  answered(reply: Extract<Reply, { kind: 'response' }>): void {
    this.#answeredAt ??= this.#deps.clock.monotonic()
    const tap = this.#takeTap()
    if (tap !== undefined) showBody(reply, tap)
    this.#followBody(reply)
  }

  /**
   * One of several answers that are made into one for the client; the first goes
   * to the tap that read the request. Resolves when it has been read.
   */
  partAnswered(reply: Extract<Reply, { kind: 'response' }>, open: () => CallTap): Promise<void> {
    this.#answeredAt ??= this.#deps.clock.monotonic()
    const tap = this.#takeTap() ?? open()
    this.#taps.add(tap)
    showBody(reply, tap)
    return tap.settled
  }

  /** The answer ends, in order, with our own error. */
  brokenOff(refusal: Refusal): void {
    this.#brokenOff = refusal
  }

  /** The provider agreed to a WebSocket; `tap` observes its messages. */
  upgraded(reply: Extract<Reply, { kind: 'upgraded' }>, tap: CallTap | undefined): void {
    if (tap !== undefined) this.#taps.add(tap)
    this.#answeredAt = this.#deps.clock.monotonic()
    this.#followSocket(reply, tap)
  }

  /** Our own refusal, or a provider that could not be used. */
  refused(refusal: Refusal, status: number): void {
    this.#takeTap()?.cancel()
    const gone = this.#call.signal.aborted
    this.#end({
      status,
      outcome: gone ? 'aborted' : status >= 500 ? 'failed' : 'refused',
      reason: gone ? this.#whyGone() : refusal.reason,
      bytesUp: this.#bytesUp,
      bytesDown: 0,
      detail: detailOf(refusal),
    })
  }

  #takeTap(): CallTap | undefined {
    const tap = this.#tap
    this.#tap = undefined
    return tap
  }

  #followBody({ status, body }: Extract<Reply, { kind: 'response' }>): void {
    body.pause()
    body.on('data', (chunk: Buffer) => {
      this.#bytesDown += chunk.length
    })
    let fault: Error | undefined
    body.once('error', error => {
      fault = error
    })
    body.once('close', () => {
      const broken = this.#brokenOff ?? fault
      const complete = body.readableEnded && this.#brokenOff === undefined
      const gone = this.#call.signal.aborted
      const whyBroken = this.#brokenOff?.reason ?? 'provider_broken'
      this.#end({
        status,
        outcome: complete ? 'completed' : gone ? 'aborted' : 'failed',
        reason: complete ? undefined : gone ? this.#whyGone() : whyBroken,
        bytesUp: this.#bytesUp,
        bytesDown: this.#bytesDown,
        detail: complete || gone || broken === undefined ? undefined : describeError(broken),
      })
    })
  }

  #followSocket(
    { socket, headers, head }: Extract<Reply, { kind: 'upgraded' }>,
    tap: CallTap | undefined,
  ): void {
    const before = counters(socket)
    const sink = tap?.response(101, headers)
    if (sink !== undefined) {
      socket.pause()
      socket.on('data', (chunk: Buffer) => sink.observe(chunk))
    }
    socket.once('close', () => {
      tap?.request.end(true)
      sink?.end(true)
      const after = counters(socket)
      const reason = this.#whyGone()
      this.#end({
        status: 101,
        outcome: reason === undefined ? 'completed' : 'aborted',
        reason,
        bytesUp: after.sent - before.sent,
        // What came in one packet with the 101 was counted with that.
        bytesDown: after.received - before.received + head.length,
        detail: undefined,
      })
    })
  }

  /** A client that is gone left by itself, or lost its connection with its token. */
  #whyGone(): Reason | undefined {
    return this.#call.caller.isValid() ? undefined : 'token_revoked'
  }

  #end(variable: Variable): void {
    if (this.#ended) return
    this.#ended = true
    for (const held of this.#held) held[Symbol.dispose]()
    const { caller, path } = this.#call
    const ended: CallEnded = {
      type: 'call_ended',
      callId: this.#call.id,
      connectId: this.#call.connectId,
      at: this.#at,
      durationMs: this.#deps.clock.monotonic() - this.#startedAt,
      user: caller.identity.user,
      tokenId: caller.identity.tokenId,
      host: this.#call.host,
      method: this.#call.method,
      path: withoutTokens(withoutQuery(path)),
      firstByteMs: this.#answeredAt === undefined ? undefined : this.#answeredAt - this.#startedAt,
      overheadMs: this.#overheadMs,
      isOut: this.#isOut,
      ...this.#known,
      credentialHint: this.#usedHint ?? this.#known.credentialHint,
      refusedKeys: this.#refusedKeys,
      ...variable,
    }
    this.#deps.emit(ended)
    if (this.#taps.size === 0) return this.#deps.finish(ended)
    const settled = [...this.#taps].map(tap => tap.settled)
    void Promise.all(settled).then(() => this.#deps.finish(ended))
  }
}

/** Shows a tap an answer as it passes. */
function showBody(
  { status, headers, body }: Extract<Reply, { kind: 'response' }>,
  tap: CallTap,
): void {
  const sink = tap.response(status, headers)
  body.pause()
  body.on('data', (chunk: Buffer) => sink.observe(chunk))
  body.once('close', () => sink.end(body.readableEnded))
}

/** What a connection has carried so far. */
function counters(socket: Duplex): { readonly sent: number; readonly received: number } {
  return socket instanceof Socket
    ? { sent: socket.bytesWritten, received: socket.bytesRead }
    : { sent: 0, received: 0 }
}
