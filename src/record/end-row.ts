import type { CallEnded, RefusedKey } from '../kernel/event.ts'
import { REASONS } from '../kernel/reasons.ts'
import { boundLine, boundName } from './bounds.ts'
import type { EndEntry } from './entry.ts'
import { type ErrorType, errorTypeOfStatus } from './error-type.ts'
import type { OpenCall } from './open-call.ts'
import type { SqlValues } from './work.ts'

/** The columns that the end of a call brings. */
export function endRow({ ended, lost, isBilled: billed }: EndEntry, instance: string): SqlValues {
  const { complete, note } = expectedUsage(ended, billed)
  return {
    id: ended.callId,
    instance,
    connect_id: ended.connectId ?? null,
    user: ended.user,
    token_id: ended.tokenId,
    provider: ended.provider,
    provider_type: ended.providerType,
    host: boundName(ended.host),
    method: boundName(ended.method),
    path: boundLine(ended.path),
    kind: ended.kind,
    client: boundName(ended.client),
    credential_kind: ended.credential,
    credential_hint: ended.credentialHint ?? null,
    refused_keys: JSON.stringify(ended.refusedKeys.map(refusedKeyJson)),
    billing: ended.billing ?? null,
    status: statusOf(ended),
    reason: ended.reason ?? null,
    error_type: errorTypeOf(ended),
    error_message: ended.reason === undefined ? null : REASONS[ended.reason].text,
    http_status: ended.status,
    complete,
    note,
    bytes_up: ended.bytesUp,
    bytes_down: ended.bytesDown,
    first_byte_ms: ended.firstByteMs === undefined ? null : Math.round(ended.firstByteMs),
    duration_ms: Math.max(0, Math.round(ended.durationMs)),
    lost,
    started_at: Math.round(ended.at),
    ended_at: Math.round(ended.at + Math.max(0, ended.durationMs)),
  }
}

function refusedKeyJson({ credentialHint, status, durationMs }: RefusedKey) {
  return {
    credential_hint: credentialHint,
    http_status: status,
    duration_ms: Math.round(durationMs),
  }
}

/** A call that the provider answered with an error is a failed one. */
export function statusOf(ended: CallEnded): 'completed' | 'failed' | 'aborted' {
  if (ended.outcome === 'aborted') return 'aborted'
  return ended.outcome === 'completed' && ended.status < 400 ? 'completed' : 'failed'
}

/** The class of a failure, as Coder names it; null for a call that did not fail. */
export function errorTypeOf(ended: CallEnded): ErrorType | null {
  if (ended.status >= 400) return errorTypeOfStatus(ended.status)
  return ended.outcome === 'failed' || ended.outcome === 'refused' ? 'unknown' : null
}

/**
 * Whether the provider may have billed a call: it answered, and not with an
 * error; or it had the whole request and was never heard of again, since models
 * go on at the operator's cost when nobody waits for them any more.
 */
export function isBilled(
  ended: CallEnded,
  { isTold, isContinued }: Pick<OpenCall, 'isTold' | 'isContinued'>,
): boolean {
  if (isContinued) return true
  // Nobody asked for anything; pings pass all the same, and the word that it ends.
  if (ended.kind === 'websocket' && (ended.bytesUp === 0 || !isTold)) return false
  return ended.firstByteMs === undefined ? ended.isOut : ended.status < 400
}

/**
 * Whether numbers are missing when no answer brought any: not for calls that
 * nobody billed, and not for paths on which we look for none.
 */
function expectedUsage(
  ended: CallEnded,
  billed: boolean,
): {
  readonly complete: number | null
  readonly note: 'missing' | null
} {
  if (ended.kind === 'passthrough') return { complete: null, note: null }
  return billed ? { complete: 0, note: 'missing' } : { complete: 1, note: null }
}
