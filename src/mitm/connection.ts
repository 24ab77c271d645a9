import type { Writable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { detailOf, type Refusal } from '../kernel/error.ts'
import type { Caller, Emit, Handle } from '../kernel/flow.ts'
import type { Limits } from '../kernel/limits.ts'
import type { Reason } from '../kernel/reasons.ts'
import type { Interception } from './call.ts'

/** What serving requests needs, whatever protocol they come in. */
export interface ServeDeps {
  readonly handle: Handle
  /**
   * Counts a call for its caller until its answer is over. For those that are not
   * alone on their connection: each has one of its own to the provider.
   */
  readonly admit: (
    answer: Pick<Writable, 'closed' | 'destroy' | 'once'>,
    caller: Caller,
  ) => Reason | undefined
  readonly emit: Emit
  readonly limits: Limits
}

/** A decrypted connection that is being served. */
export interface Connection extends Disposable {
  /** Requests so far. */
  readonly calls: number
  /** Closes it as soon as nothing is under way on it. */
  drain(): void
}

/** Serves what comes in over a decrypted connection until that closes. */
export type Serve = (socket: TLSSocket, interception: Interception) => Connection

/** Longer than any agent keeps an idle connection: a race there costs a failed call. */
export const KEEP_ALIVE_MS = 15 * 60_000

/** Tells of a request that gets no further than its connection. */
export function emitRefusal(
  emit: Emit,
  { connect, verdict }: Interception,
  refusal: Refusal,
): void {
  emit({
    type: 'client_error',
    peer: connect.peer.address,
    connection: {
      connectId: connect.id,
      user: connect.caller.identity.user,
      tokenId: connect.caller.identity.tokenId,
      host: verdict.host,
    },
    reason: refusal.reason,
    detail: detailOf(refusal),
  })
}

/** Tells of bytes that never became a request. */
export function emitUnparsed(
  emit: Emit,
  { connect }: Interception,
  reason: Reason,
  detail?: string,
): void {
  emit({ type: 'client_error', peer: connect.peer.address, reason, detail })
}
