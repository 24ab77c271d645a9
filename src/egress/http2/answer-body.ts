import type { ClientHttp2Stream } from 'node:http2'
import { Readable } from 'node:stream'
import type { RawHeaders } from '../../kernel/headers.ts'

/**
 * What an origin sends on a stream. SECURITY: Node ends a stream that was reset
 * with NO_ERROR as if it were whole. With `needsTrailers` only trailers are an
 * end, as in gRPC; without them the body breaks off.
 */
export class AnswerBody extends Readable {
  readonly #stream: ClientHttp2Stream
  rawTrailers: RawHeaders = []

  constructor(stream: ClientHttp2Stream, needsTrailers: boolean) {
    super()
    this.#stream = stream
    let isWhole = !needsTrailers
    stream.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) stream.pause()
    })
    stream.once('trailers', (_headers: unknown, _flags: number, raw: RawHeaders = []) => {
      isWhole = true
      this.rawTrailers = raw
    })
    stream.once('end', () => {
      if (isWhole) this.push(null)
      else this.destroy(new Error('the answer was cut off'))
    })
    stream.once('error', error => this.destroy(error))
    stream.once('close', () => {
      if (!stream.readableEnded) this.destroy(new Error(`reset with code ${stream.rstCode}`))
    })
  }

  override _read(): void {
    this.#stream.resume()
  }
}
