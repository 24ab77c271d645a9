import type { Readable } from 'node:stream'
import { Refusal } from '../../kernel/error.ts'
import type { Call, Reply } from '../../kernel/flow.ts'
import type { Reason } from '../../kernel/reasons.ts'
import type { Seen } from '../judge.ts'
import type { Pass } from './breaker.ts'

interface Protected {
  readonly call: Call
  /** What the client sends, if it sends anything. */
  readonly body: Readable | undefined
}

/**
 * Sends a call and tells the breaker what came of it: at the head of the answer,
 * and when its body has ended or broken off.
 */
export async function protect(
  pass: Pass,
  { call, body }: Protected,
  send: () => Promise<Reply>,
): Promise<Reply> {
  let reply: Reply
  try {
    reply = await send()
  } catch (error) {
    // An upload that a client never ends, or that a provider never wanted, must
    // not make the provider look slow.
    const isUploading = body !== undefined && !body.readableEnded
    pass.ended(seenError(error, call.signal, isUploading))
    throw error
  }
  const seen = { status: reply.status }
  if (reply.kind === 'upgraded' || reply.status >= 400) pass.ended(seen)
  else {
    pass.answered(seen)
    followAnswer(pass, reply.body, { call, seen })
  }
  return reply
}

function followAnswer(
  pass: Pass,
  answer: Readable,
  { call: { signal }, seen }: { readonly call: Call; readonly seen: Seen },
): void {
  answer.once('error', error => {
    // Nor must a client that reads too slowly make it look silent.
    pass.ended(seenError(error, signal, isHeldUp(answer)))
  })
  answer.once('close', () => {
    const isWhole = answer.readableEnded
    pass.ended(isWhole ? seen : { reason: 'provider_broken', callerAtFault: signal.aborted })
  })
}

/** Whoever iterates over it takes what there is, and has it paused between. */
function isHeldUp(answer: Readable): boolean {
  const isPaused = answer.isPaused() && answer.listenerCount('readable') === 0
  return isPaused || answer.readableLength > 0
}

/** Whatever breaks without a reason of ours broke at the provider. */
function seenError(error: unknown, signal: AbortSignal, isWaiting: boolean): Seen {
  const reason = reasonOf(error)
  const isConnected = reason === 'provider_broken' || reason === 'provider_timeout'
  return { reason, callerAtFault: signal.aborted || (isWaiting && isConnected) }
}

/** A limit that ran out while the connection was made is not the request's doing. */
function reasonOf(error: unknown): Reason {
  if (!(error instanceof Refusal)) return 'provider_broken'
  const isConnecting = error.reason === 'provider_timeout' && error.cause instanceof Refusal
  return isConnecting ? 'provider_unreachable' : error.reason
}
