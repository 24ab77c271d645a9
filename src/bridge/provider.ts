import type { Body, Call, Reply } from '../kernel/flow.ts'
import type { RawHeaders } from '../kernel/headers.ts'
import type { ProviderSettings, ProviderType } from '../kernel/provider.ts'
import type { Secret } from '../kernel/secret.ts'
import type { Hold } from './body/held-body.ts'
import type { Breaker } from './breaker/breaker.ts'
import type { KeyPool } from './keys/key-pool.ts'

/** A provider that is ready to be called. */
export interface Provider {
  readonly settings: ProviderSettings
  readonly type: ProviderType
  readonly breaker: Breaker
  readonly keys: KeyPool
  readonly send: Send
  /** The same provider at its further origins, by host. */
  readonly siblings: ReadonlyMap<string, Provider>
}

export interface UpstreamRequest {
  /** Of the call that it is for. */
  readonly callId: string
  /** Of whoever makes it. */
  readonly user: string
  readonly method: string
  readonly path: string
  readonly headers: RawHeaders
  readonly body: Body | undefined
  readonly upgrade: boolean
  readonly inform: Call['inform']
  /** The central key that it travels with: what has to be signed is signed with that. */
  readonly key?: Secret | undefined
  /** Hears that all of it has left for the provider. */
  readonly onSent: () => void
  /** Reads the body to its end, on the account of its caller. */
  readonly hold: Hold
  readonly signal: AbortSignal
}

/** Sends a request to one origin and nowhere else. */
export type Send = (request: UpstreamRequest) => Promise<Reply>
