import type { Reason } from '../kernel/reasons.ts'

/**
 * What one attempt says of the provider, and of the key that it was made with.
 *
 * - `success`: the provider serves.
 * - `outage`: nobody would have been served: no connection, or the provider says
 *   so of itself (503, 529).
 * - `fault`: a failure that this one request may have provoked: another 5xx, a
 *   break, no answer in time.
 * - `rate_limited`, `unauthorised`, `forbidden`: 429, 401 and 403, which are
 *   about the key.
 * - `ignored`: the caller's own mistake or departure.
 */
export type Judgement =
  | 'success'
  | 'outage'
  | 'fault'
  | 'rate_limited'
  | 'unauthorised'
  | 'forbidden'
  | 'ignored'

/** How an attempt ended, or began to: with a status, or with a refusal of ours. */
export type Seen =
  | { readonly status: number }
  | {
      readonly reason: Reason
      /** The caller has left, or held the exchange up: it did not read, or not send. */
      readonly callerAtFault: boolean
    }

const KEY_STATUS: Readonly<Record<number, Judgement>> = {
  401: 'unauthorised',
  403: 'forbidden',
  429: 'rate_limited',
}

/** The one place that says which answer counts as what. */
export function judge(seen: Seen, failureStatuses: readonly number[]): Judgement {
  if ('reason' in seen) return seen.callerAtFault ? 'ignored' : judgeReason(seen.reason)
  const { status } = seen
  if (status < 400) return 'success'
  if (!failureStatuses.includes(status)) return KEY_STATUS[status] ?? 'ignored'
  return status === 503 || status === 529 ? 'outage' : 'fault'
}

function judgeReason(reason: Reason): Judgement {
  if (reason === 'provider_unreachable' || reason === 'provider_tls') return 'outage'
  return reason === 'provider_broken' || reason === 'provider_timeout' ? 'fault' : 'ignored'
}
