import { Socket, type SocketConstructorOpts } from 'node:net'
import { Writable } from 'node:stream'
import { BulkBuffers } from './bulk-buffers.ts'

/** Where every connection reads to that carries little; all of it is copied at once. */
const SHARED: Buffer = Buffer.alloc(64 * 1024)

/** The buffers of all connections of this process. */
export const BULK_BUFFERS = new BulkBuffers()

/**
 * A connection whose `pipe` costs half the CPU: Node's streams allocate 64 KiB
 * for every read, this one reads into buffers that are used again, and larger.
 * Until it is piped, once and for all, it can be read as any stream.
 *
 * SECURITY: what reads into a buffer that a write still holds sends one
 * tunnel's bytes out on another. So what comes into the shared buffer is
 * copied, and an own buffer is read into or written from, never both. It is
 * written from only if that is no less than the destination's high-water mark:
 * then `write` gives false for as long as any of it waits, until `drain`.
 */
export class BulkSocket extends Socket {
  #destination: Writable | undefined
  /** Lent to us while reads fill what they get, and until it is written. */
  #own: Buffer | undefined
  /** What the next read fills. */
  #next = SHARED

  constructor(options: SocketConstructorOpts) {
    super({
      ...options,
      onread: { buffer: () => this.#next, callback: size => this.#pass(size) },
    })
  }

  override pipe<T extends NodeJS.WritableStream>(destination: T): T {
    if (!(destination instanceof Writable)) throw new TypeError('not a stream of bytes')
    this.#destination = destination
    destination.on('drain', () => {
      this.#giveBack()
      this.resume()
    })
    // Nothing tells whether a write still holds it.
    destination.once('finish', () => this.#giveUp())
    destination.once('close', () => this.#giveUp())
    if (this.readableEnded) destination.end()
    else this.once('end', () => destination.end())
    this.#passBuffered(destination)
    return destination
  }

  /** Takes what was read; false stops reading until the destination drains. */
  #pass(size: number): boolean {
    const filled = this.#next
    const read = filled.subarray(0, size)
    const destination = this.#destination
    if (destination === undefined) return this.push(Buffer.from(read))
    const isLarge = filled !== SHARED && size >= destination.writableHighWaterMark
    const flows = destination.write(isLarge ? read : Buffer.from(read))

    // A read that left no room was not the last. Who takes slowly gets little.
    const isBulk = flows && size === filled.length
    this.#next = isBulk ? this.#lend() : SHARED
    if (flows) this.#giveBack()
    return flows
  }

  /** What was read before. */
  #passBuffered(destination: Writable): void {
    let flows = true
    for (let early: unknown = this.read(); early !== null; early = this.read()) {
      flows = destination.write(early)
    }
    if (flows) this.resume()
    else this.pause()
  }

  #lend(): Buffer {
    this.#own ??= BULK_BUFFERS.lend()
    return this.#own ?? SHARED
  }

  /** Nothing is waiting to be written. */
  #giveBack(): void {
    if (this.#own === undefined || this.#own === this.#next) return
    BULK_BUFFERS.giveBack(this.#own)
    this.#own = undefined
  }

  #giveUp(): void {
    if (this.#own !== undefined) BULK_BUFFERS.giveUp()
    this.#own = undefined
  }
}
