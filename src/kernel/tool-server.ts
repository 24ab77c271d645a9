import type { Secret } from './secret.ts'
import type { Origin } from './target.ts'

/** A server whose tools are offered to models (Model Context Protocol, streamable HTTP). */
export interface ToolServer {
  /** Part of the names that models see. */
  readonly name: string
  readonly origin: Origin
  /** Path of its endpoint. */
  readonly path: string
  readonly token: Secret | undefined
  /** Tools that are offered: those which `allow` matches and `deny` does not. */
  readonly allow: RegExp | undefined
  readonly deny: RegExp | undefined
  /** PEM of extra roots for this server. */
  readonly caPem: string | undefined
  /** How long one call of a tool may take. */
  readonly timeoutMs: number
}
