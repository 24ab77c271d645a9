import { STATUS_CODES } from 'node:http'
import { Readable } from 'node:stream'
import type { Reply } from '../kernel/flow.ts'
import type { ProviderType } from '../kernel/provider.ts'
import { REASONS, type Reason } from '../kernel/reasons.ts'

/**
 * A refusal as an answer in the provider's own error dialect, so that the agent
 * shows its text and does not stumble over an unknown form.
 */
export function errorReply(
  type: ProviderType,
  reason: Reason,
  upgrade = false,
): Extract<Reply, { kind: 'response' }> {
  const { text } = REASONS[reason]
  // Codex takes 426 for "use HTTP instead" and shows the error that it meets there;
  // any other status costs it seven seconds of tries.
  const status = upgrade ? 426 : REASONS[reason].status
  const body = Buffer.from(type.errorBody(REASONS[reason].status, text, reason))
  return {
    kind: 'response',
    status,
    statusText: STATUS_CODES[status] ?? '',
    headers: [
      'Content-Type',
      'application/json',
      'Content-Length',
      String(body.length),
      'X-Aibridge-Reason',
      reason,
      // Nothing more will be answered on this connection.
      ...(reason === 'token_revoked' ? ['Connection', 'close'] : []),
    ],
    body: Readable.from([body], { objectMode: false }),
  }
}
