import { Socket } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import type { Clock } from '../kernel/clock.ts'
import { describeError, type Refusal } from '../kernel/error.ts'
import type { CallEnded } from '../kernel/event.ts'
import type { Call, Emit, Reply } from '../kernel/flow.ts'

type Fixed = Pick<
  CallEnded,
  'provider' | 'providerType' | 'kind' | 'route' | 'client' | 'credential' | 'credentialHint'
>

type Variable = Pick<
  CallEnded,
  'status' | 'outcome' | 'reason' | 'bytesUp' | 'bytesDown' | 'detail'
>

interface Deps {
  readonly emit: Emit
  readonly clock: Clock
}

/**
 * Follows one call to its end and emits its event, once. It only counts bytes
 * as they pass; what reads and writes them knows nothing of it.
 */
export class CallEvents {
  readonly #deps: Deps
  readonly #call: Call
  readonly #fixed: Fixed
  readonly #at: number
  readonly #startedAt: number
  #sentAt: number | undefined
  #answeredAt: number | undefined
  #overheadMs: number | undefined
  #bytesUp = 0
  #bytesDown = 0
  #ended = false

  constructor(deps: Deps, call: Call, fixed: Fixed) {
    this.#deps = deps
    this.#call = call
    this.#fixed = fixed
    this.#at = deps.clock.now()
    this.#startedAt = deps.clock.monotonic()
    deps.emit({
      type: 'call_started',
      callId: call.id,
      provider: fixed.provider,
      route: fixed.route,
    })
  }

  /** The request is ready to go: what came before was our own work. */
  sending(body: Readable | undefined): void {
    this.#sentAt = this.#deps.clock.monotonic()
    this.#overheadMs = this.#sentAt - this.#startedAt
    if (body === undefined) return
    // Paused first: a listener alone must not start the flow.
    body.pause()
    body.on('data', (chunk: Buffer) => {
      this.#bytesUp += chunk.length
    })
  }

  /** The head of the provider's answer is there; follows the rest. */
  answered(reply: Reply): void {
    this.#answeredAt = this.#deps.clock.monotonic()
    if (reply.kind === 'response') this.#followBody(reply.status, reply.body)
    else this.#followSocket(reply.socket)
  }

  /** Our own refusal, or a provider that could not be used. */
  refused(refusal: Refusal, status: number): void {
    const cause = refusal.cause === undefined ? undefined : describeError(refusal.cause)
    const gone = this.#call.signal.aborted
    this.#end({
      status,
      outcome: gone ? 'aborted' : status >= 500 ? 'failed' : 'refused',
      reason: gone ? undefined : refusal.reason,
      bytesUp: this.#bytesUp,
      bytesDown: 0,
      detail: [refusal.detail, cause].filter(text => text !== undefined).join(': ') || undefined,
    })
  }

  #followBody(status: number, body: Readable): void {
    body.pause()
    body.on('data', (chunk: Buffer) => {
      this.#bytesDown += chunk.length
    })
    let fault: Error | undefined
    body.once('error', error => {
      fault = error
    })
    body.once('close', () => {
      const complete = body.readableEnded
      const gone = this.#call.signal.aborted
      this.#end({
        status,
        outcome: complete ? 'completed' : gone ? 'aborted' : 'failed',
        reason: complete || gone ? undefined : 'provider_broken',
        bytesUp: this.#bytesUp,
        bytesDown: this.#bytesDown,
        detail: complete || gone || fault === undefined ? undefined : describeError(fault),
      })
    })
  }

  #followSocket(socket: Duplex): void {
    const count = (): { sent: number; received: number } =>
      socket instanceof Socket
        ? { sent: socket.bytesWritten, received: socket.bytesRead }
        : { sent: 0, received: 0 }
    const before = count()
    socket.once('close', () => {
      this.#end({
        status: 101,
        outcome: 'completed',
        reason: undefined,
        bytesUp: count().sent - before.sent,
        bytesDown: count().received - before.received,
        detail: undefined,
      })
    })
  }

  #end(variable: Variable): void {
    if (this.#ended) return
    this.#ended = true
    const { caller, path } = this.#call
    const query = path.indexOf('?')
    this.#deps.emit({
      type: 'call_ended',
      callId: this.#call.id,
      connectId: this.#call.connectId,
      at: this.#at,
      durationMs: this.#deps.clock.monotonic() - this.#startedAt,
      user: caller.identity.user,
      tokenId: caller.identity.tokenId,
      host: this.#call.host,
      method: this.#call.method,
      path: query < 0 ? path : path.slice(0, query),
      firstByteMs: this.#answeredAt === undefined ? undefined : this.#answeredAt - this.#startedAt,
      overheadMs: this.#overheadMs,
      ...this.#fixed,
      ...variable,
    })
  }
}
