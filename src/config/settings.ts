import type { Cidr } from '../kernel/address.ts'
import type { CallerPolicy } from '../kernel/budget.ts'
import type { Limits } from '../kernel/limits.ts'
import type { NanoDollars } from '../kernel/money.ts'
import type { Price } from '../kernel/price.ts'
import type { ActorSettings, BreakerSettings, ProviderSettings } from '../kernel/provider.ts'
import type { ListenAddress, Origin, UpstreamProxy } from '../kernel/target.ts'
import type { ToolServer } from '../kernel/tool-server.ts'
import type { PostgresServer } from './types/postgres-url.ts'

export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** The whole configuration, parsed and consistent: what `startDaemon` takes. */
export interface Settings {
  readonly stateDir: string
  /** Tokens and records are kept there; unset: in SQLite, in the state directory. */
  readonly postgres: PostgresServer | undefined
  readonly proxy: ProxySettings
  /** Set: callers may show a JWT of this issuer. */
  readonly oidc: OidcSettings | undefined
  readonly bridge: BridgeSettings
  readonly api: ApiSettings
  readonly record: RecordSettings
  readonly limits: Limits
  readonly policy: CallerPolicy
  readonly budget: BudgetSettings
  readonly log: {
    readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error'
    readonly queueBytes: number
  }
}

export interface ProxySettings {
  readonly enabled: boolean
  readonly listen: ListenAddress
  /** Certificate of the listener itself (an `https://` proxy). */
  readonly tls: TlsFiles | undefined
  /** Set: clients are asked for a certificate on the TLS listener. */
  readonly clientCertificates: ClientCertificateSettings | undefined
  /** Set: TLS is served here and the main listener stays plain. */
  readonly tlsListen: ListenAddress | undefined
  /** The operator's CA; without it the state directory's own is used. */
  readonly ca: TlsFiles | undefined
  /** Every intercepted host of every provider, after the allowlist. */
  readonly interceptedHosts: readonly string[]
  readonly upstream: UpstreamProxy | undefined
  readonly allowedPrivateCidrs: readonly Cidr[]
  readonly nat64Prefixes: readonly Cidr[]
  readonly allowedPorts: readonly number[]
  readonly auth: 'required' | 'off'
  readonly upstreamResolves: boolean
  readonly denyIpLiterals: boolean
  /** Set: what clients send and get is written there. */
  readonly dumpDir: string | undefined
}

/** How callers are known by certificates. */
export interface ClientCertificateSettings {
  /** PEM of the CAs that sign them. */
  readonly caPem: string
  /** Nobody gets in without one. */
  readonly required: boolean
  readonly userFrom: 'cn' | 'san-uri' | 'san-email' | 'san-dns'
  readonly userPrefix: string
}

/** An OpenID Connect issuer that vouches for callers. */
export interface OidcSettings {
  /** As it stands in `iss`. */
  readonly issuer: string
  readonly audiences: readonly string[]
  /** Where its keys are asked for. */
  readonly origin: Origin
  /** Undefined: the issuer's metadata says. */
  readonly jwksUrl: string | undefined
  /** PEM of extra roots for that origin. */
  readonly caPem: string | undefined
  readonly userClaim: string
  readonly userPrefix: string
  /** Exact, or a beginning with a star behind it. */
  readonly allowedUsers: readonly string[]
  readonly groupsClaim: string | undefined
  readonly algorithms: readonly string[]
  readonly clockSkewMs: number
}

/** A base URL in parts. */
export interface Place {
  readonly origin: Origin
  /** Without a trailing slash; empty for the root. */
  readonly basePath: string
}

/** The Coder deployment, or other instance of this daemon, that bridges for us. */
export interface DeploymentSettings {
  /** Its API, which knows the callers. */
  readonly access: Place
  /** Its bridge: provider name and path are appended. */
  readonly target: Place
  /** PEM of extra roots for both. */
  readonly caPem: string | undefined
}

interface BridgeSettings {
  /** Set: the bridge of this daemon is off, and calls go there. */
  readonly remote: DeploymentSettings | undefined
  readonly providers: readonly ProviderSettings[]
  readonly breaker: BreakerSettings
  readonly actor: ActorSettings
  readonly allowByok: boolean
  /** Whose tools models are offered; empty where nothing is injected. */
  readonly toolServers: readonly ToolServer[]
  /** `all`: unlisted paths of an intercepted host go through without a central key. */
  readonly passthrough: 'all' | 'listed'
  /** Calls in flight at once; 0 is unlimited. */
  readonly maxConcurrency: number
  /** The operator's own prices; what they leave out has the built-in ones. */
  readonly prices: readonly Price[]
  /** Calls per second of one caller; 0 is unlimited. */
  readonly rateLimit: number
  /** Set: what goes to providers and comes from them is written there. */
  readonly dumpDir: string | undefined
}

/** What is written down, and how long it is kept. */
interface RecordSettings {
  readonly prompts: 'true' | 'false' | 'redacted'
  readonly failOpen: boolean
  readonly structuredLogging: boolean
  readonly structuredLogChain: boolean
  /** 0 keeps records forever. */
  readonly retentionMs: number
  /** 0 sets no bound. */
  readonly retentionBytes: number
  readonly queueSize: number
  /** What the side tap may hold, of one call and of all. */
  readonly observe: { readonly callBytes: number; readonly processBytes: number }
}

/** How the budgets of the policy are kept. */
interface BudgetSettings {
  /** Which of several personal budgets of one period counts. */
  readonly policy: 'highest' | 'lowest'
  /** The least that a call holds until its cost is known. */
  readonly reserve: NanoDollars
}

interface ApiSettings {
  readonly listen: ListenAddress
  readonly prometheus: { readonly enabled: boolean; readonly listen: ListenAddress | undefined }
}
