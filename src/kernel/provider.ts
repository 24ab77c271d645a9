import type { Secret } from './secret.ts'
import type { Origin } from './target.ts'
import type { WireFormat } from './usage.ts'

/**
 * What one kind of AI provider looks like from outside. One object per kind in
 * `bridge/providers`, and one line in the registry there.
 *
 * In listed paths a `*` stands for a part of one segment, and an entry that
 * ends with a slash for everything below it.
 */
export interface ProviderType {
  readonly type: string
  /**
   * The hosts that the first provider of this type intercepts by default. Where
   * there are several, each call goes to the one that the client connected to,
   * as long as the base URL is one of them.
   */
  readonly canonicalHosts: readonly string[]
  readonly defaultBaseUrl: string | undefined
  /** False where only the client's own credential is any use (Copilot, ChatGPT). */
  readonly centralKey: boolean
  /** Set where calls are paid for by a plan and not by their tokens. */
  readonly subscription?: true
  /** The part of the caller's path that the base URL's path stands for. */
  readonly routePrefix: '' | '/v1'
  /** Paths after the route prefix that are bridged: recorded, key put in. */
  readonly bridged: Readonly<Record<string, WireFormat>>
  /** Paths that are passed through with a central key. */
  readonly passthrough: readonly string[]
  /** Those of them that may answer with the numbers of an earlier call. */
  readonly retrievals?: Readonly<Record<string, WireFormat>>
  /** Those of them that cost what a bridged path does, although nobody counts it there. */
  readonly costly?: readonly string[]
  /** The host's clients need all of it: its paths stay as they are, listed or not. */
  readonly wholeHost?: boolean
  /** The parameter of the query in which clients may send a key (Google's `key`). */
  readonly queryKey?: string
  /** Bridged paths that the provider gets in another form: a client's own key is none there. */
  readonly translated?: readonly string[]
  /** The header that carries a central key, as a pair; empty where calls are signed. */
  attach(key: Secret): readonly [name: string, value: string] | readonly []
  /** An error as this provider's own clients expect it. */
  errorBody(status: number, message: string, code: string): string
}

/** A configured provider, validated and complete. */
export interface ProviderSettings {
  readonly name: string
  readonly type: string
  readonly origin: Origin
  readonly siblings: readonly Sibling[]
  /** Path of the base URL, without a trailing slash; empty for the root. */
  readonly basePath: string
  /** The central keys; the first that can be used is. */
  readonly keys: readonly Secret[]
  /** Hosts whose CONNECTs are intercepted for this provider, canonical. */
  readonly hosts: readonly InterceptedHost[]
  /** PEM of extra roots for this provider. */
  readonly caPem: string | undefined
  /** Set where it is reached on Amazon Bedrock, whatever its type. */
  readonly bedrock: BedrockSettings | undefined
}

/** Where the calls for one of a provider's hosts go instead of its own origin. */
export interface Sibling {
  readonly host: string
  readonly origin: Origin
  readonly basePath: string
}

export interface BedrockSettings {
  readonly region: string
  /** Their ids are among the provider's `keys`. Empty: the default chain of the AWS SDKs. */
  readonly keys: readonly AwsKeys[]
  /** Takes the place of the model that an Anthropic client asks for. */
  readonly model: string
  /** The same for models whose name contains `haiku`. */
  readonly smallFastModel: string
}

export interface AwsKeys {
  readonly id: Secret
  readonly secret: Secret
}

/**
 * A host that is intercepted on every port; or, for a base URL on loopback
 * (many services behind one name), on its own port only.
 */
export interface InterceptedHost {
  readonly host: string
  readonly port: number | undefined
}

/** How providers are told who is calling. */
export interface ActorSettings {
  readonly send: boolean
  readonly idHeader: string
  readonly usernameHeader: string
}

/** When calls to a provider that keeps failing are refused; times in milliseconds. */
export interface BreakerSettings {
  readonly enabled: boolean
  /** Failures in a row that open a circuit. */
  readonly failureThreshold: number
  /** How often the count starts again while it is closed. */
  readonly intervalMs: number
  /** How long it stays open. */
  readonly timeoutMs: number
  /** Probes that are let through while it is half open, and successes that close it. */
  readonly maxRequests: number
  /** Answers that count as failures. */
  readonly failureStatuses: readonly number[]
}

/**
 * What `env` and `run` hand to clients in place of a key. It is no secret: it
 * says "put the central key in".
 */
export const PLACEHOLDER_KEY = 'sk-aibridge-placeholder'

/** What `Handle` needs to know of the client's credential. */
export type CredentialKind = 'centralized' | 'byok' | 'none'
