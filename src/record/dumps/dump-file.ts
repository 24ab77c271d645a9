import type { Writable } from 'node:stream'
import type { Memory } from '../../kernel/memory.ts'

/** What dumps may take of the disk, of memory and of the descriptors. */
export interface DumpBounds {
  readonly fileBytes: number
  /** Of all files, on their way to the disk. */
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
  readonly #waiting: Memory
  readonly #onBytes: (bytes: number) => void
  #room: number

  constructor(
    stream: Writable,
    {
      room,
      waiting,
      onBytes,
    }: {
      readonly room: number
      readonly waiting: Memory
      readonly onBytes: (bytes: number) => void
    },
  ) {
    this.#stream = stream
    this.#room = room
    this.#waiting = waiting
    this.#onBytes = onBytes
  }

  write(chunk: Uint8Array): void {
    if (!this.#stream.writable) return
    const fits = chunk.subarray(0, this.#room)
    if (!this.#waiting.take(fits.length)) {
      this.end('the disk was too slow for the rest')
      return
    }
    this.#room -= fits.length
    this.#push(fits, () => this.#waiting.release(fits.length))
    if (fits.length < chunk.length) this.end('the rest is longer than a dump may be')
  }

  /** `note`: why there is no more. */
  end(note?: string): void {
    if (!this.#stream.writable) return
    if (note !== undefined) this.#push(Buffer.from(`\n[aibridgeproxyd: ${note}]\n`), () => {})
    this.#stream.end()
  }

  #push(bytes: Uint8Array, onWritten: () => void): void {
    this.#stream.write(bytes, onWritten)
    this.#onBytes(bytes.length)
  }
}
