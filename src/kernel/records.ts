import type { CallEnded, RefusedKey } from './event.ts'
import type { NanoDollars } from './money.ts'
import type { Billing } from './price.ts'
import type { CredentialKind } from './provider.ts'

/**
 * The vocabulary of the books: what is written down, what can be asked, and
 * what comes back. Values only, so that it crosses threads and networks as it
 * is. Times are milliseconds since the epoch; what is not known is `null`.
 */

/** What is known of a call before its first byte goes to the provider. */
export interface CallIntent {
  readonly callId: string
  readonly connectId: string | null
  readonly at: number
  readonly user: string
  readonly tokenId: string
  readonly provider: string
  readonly providerType: string
  readonly host: string
  readonly method: string
  /** Without the query, which may hold a credential. */
  readonly path: string
  readonly kind: CallEnded['kind']
  readonly client: string
  readonly userAgent: string | null
  /** From the client's own session header. */
  readonly sessionId: string | null
  readonly credential: CredentialKind
  readonly credentialHint: string | null
  readonly billing: Billing | null
  /** `X-Coder-Agent-Firewall-Session-Id` and `…-Sequence-Number`. */
  readonly firewallSession: string | null
  readonly firewallSequence: string | null
}

type CallStatus = 'in_progress' | 'completed' | 'failed' | 'aborted' | 'interrupted'

/** One call with all that belongs to it, as listings and exports show it. */
export interface CallRecord {
  /** The order of arrival: what pages are cut by. */
  readonly seq: number
  readonly id: string
  readonly connectId: string | null
  readonly user: string
  readonly tokenId: string
  readonly provider: string
  readonly providerType: string
  readonly host: string
  readonly method: string
  readonly path: string
  readonly kind: CallEnded['kind']
  readonly model: string | null
  readonly streaming: boolean | null
  readonly client: string
  readonly userAgent: string | null
  /** What the client itself calls its session. */
  readonly clientSessionId: string | null
  /** That, or else the root of the thread, or else the call itself. */
  readonly sessionId: string
  readonly correlatingToolCallId: string | null
  readonly threadParentId: string | null
  readonly threadRootId: string | null
  readonly credential: CredentialKind
  readonly credentialHint: string | null
  /** The central keys that were tried before that one. */
  readonly refusedKeys: readonly RefusedKey[]
  readonly billing: Billing | null
  readonly firewallSession: string | null
  readonly firewallSequence: string | null
  readonly status: CallStatus
  readonly reason: string | null
  readonly errorType: string | null
  readonly errorMessage: string | null
  readonly httpStatus: number | null
  readonly usageComplete: boolean | null
  readonly usageNote: string | null
  readonly bytesUp: number | null
  readonly bytesDown: number | null
  readonly firstByteMs: number | null
  readonly durationMs: number | null
  /** Records of this call that were lost because the queue was full. */
  readonly recordsLost: number
  readonly startedAt: number
  readonly endedAt: number | null
  readonly tokens: readonly TokenRecord[]
  readonly prompts: readonly PromptRecord[]
  readonly tools: readonly ToolRecord[]
  readonly thoughts: readonly ThoughtRecord[]
}

interface Detail {
  readonly id: string
  readonly callId: string
  /** The provider's id of the answer. */
  readonly responseId: string | null
  readonly createdAt: number
}

export interface TokenRecord extends Detail {
  readonly model: string | null
  readonly input: number | null
  readonly output: number | null
  readonly cacheRead: number | null
  readonly cacheWrite: number | null
  readonly extra: Readonly<Record<string, number>>
  /** Null when it has no price, or a plan pays for it. */
  readonly costNano: NanoDollars | null
}

export interface PromptRecord extends Detail {
  readonly prompt: string
}

export interface ToolRecord extends Detail {
  readonly toolCallId: string | null
  readonly tool: string
  readonly input: string
  readonly serverUrl: string | null
  /** Offered and called by us, not by the client. */
  readonly injected: boolean
  readonly invocationError: string | null
}

export interface ThoughtRecord extends Detail {
  readonly content: string
  readonly source: string
}

/** What is asked for; every field that is given must hold. */
export interface RecordFilter {
  readonly user?: string
  /** The name of a provider or its type. */
  readonly provider?: string
  readonly providerName?: string
  readonly model?: string
  readonly client?: string
  readonly sessionId?: string
  readonly startedAfter?: number
  readonly startedBefore?: number
}

export interface TokenSums {
  readonly input: number | null
  readonly output: number | null
  readonly cacheRead: number | null
  readonly cacheWrite: number | null
  readonly extra: Readonly<Record<string, number>>
  /** Of the answers that have one; null when none has. */
  readonly costNano: NanoDollars | null
  /** Answers that should have one and have not. */
  readonly unpriced: number
}

export interface SessionRecord {
  readonly id: string
  readonly user: string
  readonly providers: readonly string[]
  readonly models: readonly string[]
  readonly client: string
  readonly startedAt: number
  /** Null while a call of the session is open. */
  readonly endedAt: number | null
  readonly lastActiveAt: number
  readonly threads: number
  readonly calls: number
  readonly tokens: TokenSums
  /** Its beginning, for lists. */
  readonly lastPrompt: string | null
}

/** The calls that a tool-call id ties together, oldest first. */
export interface ThreadRecord {
  readonly id: string
  readonly calls: readonly CallRecord[]
}

export interface UsageRow {
  readonly key: string
  readonly calls: number
  readonly failed: number
  /** Calls whose numbers are not the provider's final word. */
  readonly incomplete: number
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite: number
  /** Of the answers that have one; null when none has. */
  readonly costNano: NanoDollars | null
  /** Calls with an answer that should have one and has not. */
  readonly unpriced: number
  /** Calls that a plan pays for. */
  readonly subscription: number
}

/** A purse as it stands: what one owner has spent in one period. */
interface PurseRow {
  readonly scope: string
  /** The key of the period. */
  readonly period: string
  readonly spent: NanoDollars
  /** Held by calls in flight. */
  readonly reserved: NanoDollars
  /** That were paid from it. */
  readonly calls: number
}

export type UsageDimension = 'user' | 'model' | 'provider' | 'day' | 'client'

/** A question is one key of this; the argument and the answer are its fields. */
export interface RecordQueries {
  readonly countCalls: { readonly argument: RecordFilter; readonly answer: number }
  /** Newest first, below `before`; fewer than `limit` when their text is large. */
  readonly calls: {
    readonly argument: {
      readonly filter: RecordFilter
      readonly before: number | null
      readonly offset: number
      readonly limit: number
    }
    readonly answer: { readonly calls: readonly CallRecord[]; readonly more: boolean }
  }
  /** The place of a call in the order; null when there is no such call of this user. */
  readonly findCall: {
    readonly argument: { readonly id: string; readonly user: string | null }
    readonly answer: number | null
  }
  readonly countSessions: { readonly argument: RecordFilter; readonly answer: number }
  /** Latest activity first. `after` is the id of the last session of the page before. */
  readonly sessions: {
    readonly argument: {
      readonly filter: RecordFilter
      readonly after: string | null
      readonly offset: number
      readonly limit: number
    }
    /** Null when `after` is not one of them. */
    readonly answer: readonly SessionRecord[] | null
  }
  readonly session: {
    readonly argument: { readonly id: string; readonly user: string | null }
    readonly answer: SessionRecord | null
  }
  /** Oldest first; null when the cursor is no thread of the session. */
  readonly threads: {
    readonly argument: {
      readonly sessionId: string
      readonly user: string
      readonly after: string | null
      readonly before: string | null
      readonly limit: number
    }
    readonly answer: readonly ThreadRecord[] | null
  }
  /** The name of whom `userId` gives this id. */
  readonly userOfId: {
    readonly argument: { readonly id: string }
    readonly answer: string | null
  }
  readonly names: {
    readonly argument: {
      readonly of: 'model' | 'client' | 'user'
      readonly prefix: string
      readonly filter: RecordFilter
      readonly offset: number
      readonly limit: number
    }
    readonly answer: readonly string[]
  }
  readonly usage: {
    readonly argument: { readonly filter: RecordFilter; readonly by: UsageDimension }
    readonly answer: readonly UsageRow[]
  }
  /** Of periods that have not ended. */
  readonly budgets: {
    readonly argument: { readonly now: number }
    readonly answer: readonly PurseRow[]
  }
}

/**
 * Asks the books; `asker` is the user whose share of them it uses.
 * @throws Refusal `accounting_unavailable`, or `overloaded` for an asker with too many questions
 */
export type AskRecords = <K extends keyof RecordQueries>(
  question: K,
  argument: RecordQueries[K]['argument'],
  asker?: string,
) => Promise<RecordQueries[K]['answer']>
