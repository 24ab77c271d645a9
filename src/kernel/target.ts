import type { Address } from './address.ts'
import type { Secret } from './secret.ts'

export type Host =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'address'; readonly address: Address }

/**
 * Where somebody wants to go, parsed once; nothing downstream sees the string
 * that it came from. `text` is the canonical `host:port` for logs and for an
 * upstream proxy's CONNECT line.
 */
export interface Target {
  readonly host: Host
  readonly port: number
  readonly text: string
}

/** A destination that the operator configured: a provider, the remote bridge. */
export interface Origin {
  readonly protocol: 'http' | 'https'
  readonly target: Target
}

/** The corporate proxy that every leg goes through when it is configured. */
export interface UpstreamProxy extends Origin {
  /** `user:password`, decoded from the URL. */
  readonly credentials: Secret | undefined
  /** PEM of the CA that signed the proxy's certificate, for `https` proxies. */
  readonly caPem: string | undefined
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
}
