import { INSIDE_REASONS } from './reasons/inside.ts'
import { OUTBOUND_REASONS } from './reasons/outbound.ts'
import { POLICY_REASONS } from './reasons/policy.ts'
import { REQUEST_REASONS } from './reasons/request.ts'
import type { ReasonRow } from './reasons/row.ts'

/**
 * Every way in which we say no, in one table. A reason is the stable code that
 * clients, logs, metrics and documentation share; its row carries all the faces
 * of it. The public text never holds an address, a name or an internal error:
 * those go to the operator as the event's `detail`.
 */
export const REASONS = {
  ...REQUEST_REASONS,
  ...POLICY_REASONS,
  ...OUTBOUND_REASONS,
  ...INSIDE_REASONS,
} as const satisfies Record<string, ReasonRow>

export type Reason = keyof typeof REASONS

/** The reason for bytes that Node's HTTP parser refused, by its error code. */
export function unparsedReason(code: string | undefined): Reason {
  if (code === 'HPE_HEADER_OVERFLOW') return 'head_too_large'
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'head_timeout' : 'request_malformed'
}
