import type { NanoDollars } from './money.ts'
import type { Billing } from './price.ts'
import type { CredentialKind } from './provider.ts'
import type { Reason } from './reasons.ts'
import type { TokenUsage } from './usage.ts'

/**
 * Everything that anybody may want to know afterwards. Flat, serialisable, no
 * streams and no secrets: logs, metrics and records are readers of this stream.
 * Times in milliseconds; `at` is the wall clock at the start.
 */
export type Event =
  | ConnectStarted
  | ConnectEnded
  | CallStarted
  | CallEnded
  | PromptSeen
  | AnswerSeen
  | ProviderEvent
  | ToolInvoked
  | LeafMinted
  | LeafCacheHit
  | ClientError
  | ShadowRefusal

interface ConnectStarted {
  readonly type: 'connect_started'
  readonly connectId: string
  readonly kind: 'tunneled' | 'mitm'
}

export interface ConnectEnded {
  readonly type: 'connect_ended'
  readonly connectId: string
  readonly at: number
  readonly durationMs: number
  readonly peer: string
  /** `CONNECT`, or the method of an absolute-form request. */
  readonly method: string
  /** Canonical `host:port`; absent when the target did not parse. */
  readonly target: string | undefined
  readonly user: string | undefined
  readonly tokenId: string | undefined
  readonly outcome: 'tunneled' | 'mitm' | 'forwarded' | 'refused' | 'failed'
  readonly reason: Reason | undefined
  readonly status: number
  readonly provider: string | undefined
  readonly route: 'direct' | 'upstream' | undefined
  readonly address: string | undefined
  readonly bytesUp: number
  readonly bytesDown: number
  readonly calls: number | undefined
  readonly tlsFailure: string | undefined
  /** For the operator: what lay behind the reason. */
  readonly detail: string | undefined
}

interface CallStarted {
  readonly type: 'call_started'
  readonly callId: string
  readonly provider: string
  readonly route: string
}

export interface CallEnded {
  readonly type: 'call_ended'
  readonly callId: string
  readonly connectId: string | undefined
  readonly at: number
  readonly durationMs: number
  readonly user: string
  readonly tokenId: string
  readonly provider: string
  readonly providerType: string
  readonly host: string
  readonly method: string
  /** Without the query, which may hold a credential. */
  readonly path: string
  readonly kind: 'bridged' | 'passthrough' | 'websocket'
  /** What the client spoke. */
  readonly protocol: 'http/1.1' | 'h2' | 'websocket'
  /** The listed path that matched, or `other`: safe as a metric label. */
  readonly route: string
  readonly client: string
  readonly credential: CredentialKind
  readonly credentialHint: string | undefined
  /** The central keys that were tried before that one. */
  readonly refusedKeys: readonly RefusedKey[]
  /** How the credential is paid for; absent without one. */
  readonly billing: Billing | undefined
  readonly status: number
  readonly outcome: 'completed' | 'aborted' | 'failed' | 'refused'
  readonly reason: Reason | undefined
  readonly bytesUp: number
  readonly bytesDown: number
  /** From the call's arrival to the first byte of the provider's answer. */
  readonly firstByteMs: number | undefined
  /** Own work: arrival to request sent, plus answer seen to answer handed on. */
  readonly overheadMs: number | undefined
  /** The request has left for the provider, to its last byte. */
  readonly isOut: boolean
  readonly detail: string | undefined
}

/** Whose call an observation is about. */
interface ObservedCall {
  readonly callId: string
  readonly user: string
  readonly provider: string
  readonly client: string
  /** As the provider names it, or else the client; null when neither did. */
  readonly model: string | null
}

/** A request carried a prompt; its text is for the books alone. */
export interface PromptSeen extends ObservedCall {
  readonly type: 'prompt_seen'
}

/** What one answer took, and which tools it wanted: names, no arguments. */
export interface AnswerSeen extends ObservedCall {
  readonly type: 'answer_seen'
  readonly usage: TokenUsage | null
  /** Null when it has no price, or a plan pays for it. */
  readonly costNano: NanoDollars | null
  readonly billing: Billing | undefined
  readonly tools: readonly string[]
}

/** What a provider and its keys are found to be worth. */
export type ProviderEvent = CircuitChanged | KeyChanged | KeyFailover

/** Events about the state of a provider, which no call or connection has. */
export function isProviderEvent(event: Event): event is ProviderEvent {
  return (
    event.type === 'circuit_changed' ||
    event.type === 'key_changed' ||
    event.type === 'key_failover'
  )
}

/** A circuit breaker changed its mind about a provider's route. */
interface CircuitChanged {
  readonly type: 'circuit_changed'
  readonly provider: string
  readonly route: string
  /** Whether it is the circuit that all share, or one caller's own. */
  readonly scope: 'all' | 'caller'
  readonly user: string | undefined
  readonly from: CircuitStateName
  readonly to: CircuitStateName
}

export type CircuitStateName = 'closed' | 'open' | 'half-open'

/** A central key came to be of use, or ceased to be. */
interface KeyChanged {
  readonly type: 'key_changed'
  readonly provider: string
  readonly credentialHint: string
  readonly from: KeyStateName
  readonly to: KeyStateName
}

export type KeyStateName = 'ready' | 'cooling' | 'out'

/** An attempt of a call that its client never saw: another key takes over. */
interface KeyFailover {
  readonly type: 'key_failover'
  readonly callId: string
  readonly provider: string
  readonly user: string
  /** Of the key that was refused. */
  readonly credentialHint: string
  readonly status: number
  readonly durationMs: number
}

/** One of the attempts of a call that its client never saw. */
export type RefusedKey = Pick<KeyFailover, 'credentialHint' | 'status' | 'durationMs'>

/** A tool of a configured server was called for a model. */
export interface ToolInvoked extends ObservedCall {
  readonly type: 'tool_invoked'
  readonly server: string
  readonly tool: string
  readonly failed: boolean
}

interface LeafMinted {
  readonly type: 'leaf_minted'
  readonly host: string
  readonly durationMs: number
  readonly expiresAt: number
}

interface LeafCacheHit {
  readonly type: 'leaf_cache_hit'
}

/** Bytes that never became a request, or a request that CONNECT already ruled out. */
export interface ClientError {
  readonly type: 'client_error'
  readonly peer: string
  /** Set inside an intercepted connection, where the caller is known. */
  readonly connection?: {
    readonly connectId: string
    readonly user: string
    readonly tokenId: string
    readonly host: string
  }
  readonly reason: Reason
  readonly detail: string | undefined
}

/** A rule that is on trial would have refused this. */
interface ShadowRefusal {
  readonly type: 'shadow_refusal'
  readonly connectId: string | undefined
  readonly callId: string | undefined
  readonly user: string
  /** The target of a CONNECT; the provider of a base-URL route; the model of a call, or why there is none. */
  readonly subject: string
  readonly reason: Reason
  readonly rule: string
}
