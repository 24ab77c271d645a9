import type { Writable } from 'node:stream'

/** What dumps may take of the disk, of memory and of the descriptors. */
export interface DumpBounds {
  readonly fileBytes: number
  /** Of one file, on its way to the disk. */
  readonly waitingBytes: number
  readonly directoryBytes: number
  readonly files: number
  readonly openFiles: number
}

/**
 * One dump, written as its bytes pass. It never makes anybody wait: what the
 * disk does not take in time is left out, and the file says so.
 */
export class DumpFile {
  readonly #stream: Writable
  readonly #bounds: DumpBounds
  readonly #onBytes: (bytes: number) => void
  #written = 0

  constructor(stream: Writable, bounds: DumpBounds, onBytes: (bytes: number) => void) {
    this.#stream = stream
    this.#bounds = bounds
    this.#onBytes = onBytes
  }

  write(chunk: Uint8Array): void {
    if (!this.#stream.writable) return
    const room = this.#bounds.fileBytes - this.#written
    this.#push(chunk.length > room ? chunk.subarray(0, room) : chunk)
    if (chunk.length > room) this.end('the rest is longer than a dump may be')
    else if (this.#stream.writableLength > this.#bounds.waitingBytes) {
      this.end('the disk was too slow for the rest')
    }
  }

  /** `note`: why there is no more. */
  end(note?: string): void {
    if (!this.#stream.writable) return
    if (note !== undefined) this.#push(Buffer.from(`\n[aibridgeproxyd: ${note}]\n`))
    this.#stream.end()
  }

  #push(chunk: Uint8Array): void {
    this.#written += chunk.length
    this.#stream.write(chunk)
    this.#onBytes(chunk.length)
  }
}
