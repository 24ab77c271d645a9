import type { ServerHttp2Stream } from 'node:http2'
import { Readable } from 'node:stream'
import type { RawHeaders } from '../../kernel/headers.ts'
import { DISCARD_IDLE_MS } from '../../relay/refusal.ts'

/** Of one upload that waits for its provider. The default of 64 KiB halves the throughput. */
export const STREAM_WINDOW = 512 * 1024

/**
 * What a client sends on a stream, with an end that can be trusted. SECURITY:
 * after RST_STREAM(NO_ERROR) Node ends a stream as if its body were whole; here
 * a cut body is destroyed. Nor does an empty one end before somebody reads it.
 * Once the answer is out, or nobody wants it, the rest is read to nowhere.
 */
export class RequestBody extends Readable {
  readonly #stream: ServerHttp2Stream
  rawTrailers: RawHeaders = []

  /** `onBytes` hears of each piece. */
  constructor(stream: ServerHttp2Stream, onBytes: (bytes: number) => void) {
    super()
    this.#stream = stream
    this.on('error', () => {})
    stream.on('data', (chunk: Buffer) => {
      onBytes(chunk.length)
      if (!this.destroyed && !this.push(chunk)) stream.pause()
    })
    stream.once('trailers', (_headers: unknown, _flags: number, raw: RawHeaders = []) => {
      this.rawTrailers = raw
    })
    stream.once('end', () => this.push(null))
    stream.once('aborted', () => this.destroy())
    stream.once('finish', () => this.destroy())
    stream.once('close', () => this.destroy())
  }

  override _read(): void {
    this.#stream.resume()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    done(error)
    const stream = this.#stream
    if (stream.readableEnded || stream.destroyed) return
    stream.resume()
    const timer = setTimeout(() => stream.close(), DISCARD_IDLE_MS)
    timer.unref()
    stream.on('data', () => timer.refresh())
    stream.once('close', () => clearTimeout(timer))
  }
}
