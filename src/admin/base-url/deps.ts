import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Refusal } from '../../kernel/error.ts'
import type { Authenticate, Caller, Emit, Handle, Reply } from '../../kernel/flow.ts'
import type { Reason } from '../../kernel/reasons.ts'
import type { Strangers } from '../../kernel/strangers.ts'

/** What a call lives as long as. */
type Answering = ServerResponse | Duplex

/** The bridge behind the base-URL routes, and the gates before it. */
export interface BaseUrlDeps {
  /** As for the proxy: Basic credentials. */
  readonly authenticate: Authenticate
  /** Whether a text says of itself that it is a JWT which names a caller. */
  readonly isJwt: (text: string) => boolean
  readonly handle: Handle
  /** Of the API's listener. */
  readonly strangers: Pick<Strangers, 'leaveFor'>
  /** The proxy's own count of what is open, so that one limit holds for both. */
  readonly sessions: {
    readonly draining: AbortSignal
    enter(answering: Answering): { readonly gone: AbortSignal } | Reason
    admit(answering: Answering, caller: Caller): Reason | undefined
  }
  /** A refusal as this provider's clients expect it; undefined for an unknown provider. */
  readonly refuse: (
    provider: string,
    refusal: Refusal,
    upgrade: boolean,
  ) => Extract<Reply, { kind: 'response' }> | undefined
  readonly emit: Emit
  readonly tunnelIdleMs: () => number
}
