import { STATUS_CODES } from 'node:http'
import { Readable } from 'node:stream'
import type { Refusal } from '../kernel/error.ts'
import type { Reply } from '../kernel/flow.ts'
import type { ProviderType } from '../kernel/provider.ts'
import { REASONS } from '../kernel/reasons.ts'
import { REASON_HEADER } from '../relay/refusal.ts'
import { retryHeaders } from './limits/retry-headers.ts'

/**
 * A refusal as an answer in the provider's own error dialect, so that the agent
 * shows its text and does not stumble over an unknown form.
 */
export function errorReply(
  type: ProviderType,
  refusal: Refusal,
  { upgrade, now }: { readonly upgrade: boolean; readonly now: number },
): Extract<Reply, { kind: 'response' }> {
  const { reason, limit } = refusal
  // Codex takes 426 for "use HTTP instead" and shows the error that it meets there;
  // any other status costs it seven seconds of tries.
  const status = upgrade ? 426 : REASONS[reason].status
  const body = Buffer.from(errorBody(type, refusal))
  return {
    kind: 'response',
    status,
    statusText: STATUS_CODES[status] ?? '',
    headers: [
      'Content-Type',
      'application/json',
      'Content-Length',
      String(body.length),
      REASON_HEADER,
      reason,
      ...(upgrade ? [] : retryHeaders({ limit, retryAt: retryAt(refusal, now) }, now)),
      // Nothing more will be answered on this connection.
      ...(reason === 'token_revoked' ? ['Connection', 'close'] : []),
    ],
    body: Readable.from([body], { objectMode: false }),
  }
}

/** A refusal in the dialect, as JSON. */
export function errorBody(type: ProviderType, { reason, told }: Refusal): string {
  const { status, text } = REASONS[reason]
  return type.errorBody(status, told === undefined ? text : `${text} ${told}`, reason)
}

/** Statuses that pass by themselves; agents that are told nothing wait for as long as they like. */
export const PASSING: readonly number[] = [429, 503]

const SOON_MS = 1000

function retryAt({ reason, retryAt: known }: Refusal, now: number): number | undefined {
  return known ?? (PASSING.includes(REASONS[reason].status) ? now + SOON_MS : undefined)
}
