import { createHash } from 'node:crypto'
import type { RawHeaders } from '../../src/kernel/headers.ts'
import type { ToolCall } from './dialects/answer.ts'

/** One event as it left the provider; times of one clock across processes. */
export interface SentEvent {
  readonly at: number
  readonly text: string
}

/** One request that reached the provider, and what it was answered. */
export interface Exchange {
  readonly method: string
  /** Path and query, exactly as received. */
  readonly path: string
  readonly rawHeaders: RawHeaders
  /** Which connection to the provider it came on, from 1. */
  readonly connection: number
  readonly receivedAt: number
  readonly webSocket: boolean
  /** The client waited for `100 Continue`. */
  readonly expectedContinue: boolean
  readonly request: Recorded
  /** What followed a chunked body; complete once the answer begins. */
  rawTrailers: RawHeaders
  readonly response: Recorded
  status: number
  /** Written chunks (SSE events, WebSocket messages), in order. */
  readonly events: SentEvent[]
  /** `sent`: the answer is complete; `closed`: the caller left before it was. */
  outcome: 'open' | 'sent' | 'closed'
}

/** What a test wants the provider to do instead of answering well. */
export interface Behaviour {
  /** Answers with this status and the error of the path's dialect. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Replaces the body: pieces, sent with the usual gap between them. */
  readonly pieces?: readonly (string | Buffer)[]
  readonly contentType?: string
  /** Answers with this tool call, until a request brings the result of one. */
  readonly toolCall?: ToolCall
  /** Goes on with it all the same. */
  readonly insists?: boolean
  /** Milliseconds between two events. */
  readonly gapMs?: number
  /** Destroys the connection after that many events; 0 is before the head. */
  readonly cutAfter?: number
  /** Goes silent after that many events; 0 is before the head. */
  readonly stallAfter?: number
  /** Compresses a blocking answer, or each event of a stream, flushed. */
  readonly gzip?: boolean
  /** Sends `103 Early Hints` with this Link header first. */
  readonly earlyHint?: string
  readonly trailers?: Readonly<Record<string, string>>
  /** Answers an `Expect: 100-continue` with this status instead of 100. */
  readonly refuseExpect?: number
  /** Answers the WebSocket upgrade with this status instead of 101. */
  readonly refuseUpgrade?: number
}

/** A body as it passes: only its length and hash are certain to be kept. */
export class Recorded {
  static readonly KEEP_BYTES = 1024 * 1024
  readonly #hash = createHash('sha256')
  readonly #kept: Buffer[] = []
  #digest: string | undefined
  bytes = 0

  add(chunk: string | Uint8Array): void {
    const buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk)
    this.#hash.update(buffer)
    if (this.bytes < Recorded.KEEP_BYTES) this.#kept.push(buffer)
    this.bytes += buffer.length
  }

  /** Hex SHA-256 of everything that was added; nothing may be added after. */
  get sha256(): string {
    this.#digest ??= this.#hash.digest('hex')
    return this.#digest
  }

  /** The first bytes (at least 1 MiB if there were as many). */
  get body(): Buffer {
    return Buffer.concat(this.#kept)
  }

  get text(): string {
    return this.body.toString('utf8')
  }
}

/** Milliseconds since the epoch with fractions: comparable between processes. */
export function wallClock(): number {
  return performance.timeOrigin + performance.now()
}
