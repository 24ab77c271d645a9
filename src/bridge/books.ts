import type { CallLimits } from '../kernel/budget.ts'
import type { CallEnded } from '../kernel/event.ts'
import type { Call } from '../kernel/flow.ts'
import { firstHeader } from '../kernel/headers.ts'
import type { CallIntent } from '../kernel/records.ts'
import type { RequestFacts, ResponseFacts, ToolUse } from '../kernel/usage.ts'
import type { KnownCall } from './known-call.ts'
import { withoutQuery } from './path.ts'
import { firewallCorrelation, sessionId } from './usage/session.ts'

/** Where the bridge writes down what happens; `record/recorder` is one. */
export interface Books {
  /**
   * Resolves when the call is durably on record; nothing goes to the provider
   * before. `onExhausted` hears when an answer has used up a budget of it.
   * Rejects with Refusal `accounting_unavailable`, `rate_limited` or
   * `budget_exhausted`.
   */
  begin(intent: CallIntent, limits: CallLimits, onExhausted: () => void): Promise<void>
  /**
   * Resolves when the call may ask its provider once more: what was answered
   * until now is written down and paid. Rejects like `begin`.
   */
  askAgain(callId: string): Promise<void>
  request(callId: string, facts: RequestFacts): void
  /** `costNano`: what it cost, in nano-dollars; null when that is not known. */
  response(callId: string, facts: ResponseFacts, costNano: number | null): void
  /** A tool that was called here for the model, in the answer of that id. */
  tool(callId: string, tool: ToolUse, responseId: string | null): void
  /**
   * An answer that was begun by an earlier call, and has ended since. It counts
   * for that call, however often it is seen.
   */
  retrieved(seen: Retrieved): void
  /** After the last fact, or for a call that was refused. */
  finish(ended: CallEnded): void
}

/** `costNano`: what it cost, in nano-dollars; null when that is not known. */
interface Retrieved extends Pick<KnownCall, 'provider' | 'client' | 'billing'> {
  readonly facts: ResponseFacts
  readonly costNano: number | null
}

const MAX_USER_AGENT = 512

/** The row that stands before the first byte goes out. */
export function intentOf(call: Call, known: KnownCall, at: number): CallIntent {
  const firewall = firewallCorrelation(call.headers)
  return {
    callId: call.id,
    connectId: call.connectId ?? null,
    at,
    user: call.caller.identity.user,
    tokenId: call.caller.identity.tokenId,
    provider: known.provider,
    providerType: known.providerType,
    host: call.host,
    method: call.method,
    path: withoutQuery(call.path),
    kind: known.kind,
    client: known.client,
    userAgent: firstHeader(call.headers, 'user-agent')?.slice(0, MAX_USER_AGENT) ?? null,
    sessionId: sessionId(known.client, call.headers, null),
    credential: known.credential,
    credentialHint: known.credentialHint ?? null,
    billing: known.billing ?? null,
    firewallSession: firewall?.sessionId ?? null,
    firewallSequence: firewall?.sequence?.toString() ?? null,
  }
}
