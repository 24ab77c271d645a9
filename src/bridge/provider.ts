import type { Readable } from 'node:stream'
import type { Call, Reply } from '../kernel/flow.ts'
import type { RawHeaders } from '../kernel/headers.ts'
import type { ProviderSettings, ProviderType } from '../kernel/provider.ts'
import type { Breaker } from './breaker/breaker.ts'
import type { KeyPool } from './keys/key-pool.ts'

/** A provider that is ready to be called. */
export interface Provider {
  readonly settings: ProviderSettings
  readonly type: ProviderType
  readonly breaker: Breaker
  readonly keys: KeyPool
  /** Sends a request to this provider's origin and nowhere else. */
  readonly send: (request: UpstreamRequest) => Promise<Reply>
  /** The same provider at its further origins, by host. */
  readonly siblings: ReadonlyMap<string, Provider>
}

export interface UpstreamRequest {
  readonly method: string
  readonly path: string
  readonly headers: RawHeaders
  readonly body: (Readable & { readonly rawTrailers?: RawHeaders }) | undefined
  readonly upgrade: boolean
  readonly inform: Call['inform']
  readonly signal: AbortSignal
}
