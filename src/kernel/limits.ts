/** Bounds of time, size and number; defaults and options are in `config`. */
export interface Limits {
  readonly headBytes: number
  readonly headCount: number
  readonly headTimeoutMs: number
  readonly heldBytes: number
  readonly bodyIdleTimeoutMs: number
  readonly tlsHandshakeTimeoutMs: number
  readonly dnsTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly firstByteTimeoutMs: number
  readonly streamIdleTimeoutMs: number
  readonly tunnelIdleTimeoutMs: number
  readonly connectionsPerCaller: number
  readonly tunnelsPerCaller: number
  readonly unauthenticatedConnections: number
  /** Resident bytes; undefined where nothing bounds them. */
  readonly memoryBytes: number | undefined
  readonly connections: number
  readonly leafCacheSize: number
  readonly leafLifetimeMs: number
  readonly drainTimeoutMs: number
}
