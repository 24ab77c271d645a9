import { constants, fstatSync, openSync, write, writeSync } from 'node:fs'
import { errorCode } from '../kernel/error.ts'

const CHUNK_BYTES = 256 * 1024
const RETRY_MS = 20
/** Lines of this long share a write: each one wakes a thread of the pool. */
const GATHER_MS = 20
const SYNC_ATTEMPTS = 100
/** At the end nobody waits longer for a reader that does not read. */
const LAST_FLUSH_MS = 1000

/**
 * Writes lines to a file descriptor without blocking. What does not fit into
 * the queue, or cannot be written, is dropped and counted. pino's own
 * destination retries for ever when the process ends on a full disk.
 */
export class LineWriter {
  readonly #fd: number
  readonly #maxBytes: number
  #lines: Buffer[] = []
  #queuedBytes = 0
  #current: { bytes: Buffer; readonly lines: number } | undefined
  #drops = 0
  #gone = false
  #idle: (() => void)[] = []
  #gathering: NodeJS.Timeout | undefined

  constructor(fd: number, maxBytes: number) {
    this.#fd = nonBlocking(fd)
    this.#maxBytes = maxBytes
  }

  get drops(): number {
    return this.#drops
  }

  write(line: string): void {
    const bytes = Buffer.from(line)
    if (this.#gone || this.#queuedBytes + bytes.length > this.#maxBytes) {
      this.#drops += 1
      return
    }
    this.#lines.push(bytes)
    this.#queuedBytes += bytes.length
    if (this.#current === undefined) this.#gathering ??= setTimeout(() => this.#next(), GATHER_MS)
  }

  /**
   * For the end of the process: resolves when nothing is waiting any more,
   * written or, after a second, given up with everything that comes later.
   */
  flush(): Promise<void> {
    return new Promise(resolve => {
      const overdue = setTimeout(() => this.#giveUp(), LAST_FLUSH_MS)
      this.#idle.push(() => {
        clearTimeout(overdue)
        resolve()
      })
      if (this.#current === undefined) this.#next()
    })
  }

  #giveUp(): void {
    this.#gone = true
    this.#drops += this.#lines.length + (this.#current?.lines ?? 0)
    this.#lines = []
    this.#queuedBytes = 0
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  /**
   * For the last moments of the process: blocks, for two seconds at most. Lines
   * that are on their way already may come twice, rather than not at all.
   */
  flushSync(): void {
    if (this.#gone) return
    for (let attempt = 0; attempt < SYNC_ATTEMPTS; attempt += 1) {
      const chunk = this.#current ?? this.#take()
      if (chunk === undefined) return
      try {
        chunk.bytes = chunk.bytes.subarray(writeSync(this.#fd, chunk.bytes))
        this.#current = chunk.bytes.length > 0 ? chunk : undefined
      } catch (error) {
        if (errorCode(error) !== 'EAGAIN') return
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
      }
    }
  }

  #next(): void {
    clearTimeout(this.#gathering)
    this.#gathering = undefined
    this.#current = this.#take()
    if (this.#current !== undefined) return this.#send()
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  #take(): { bytes: Buffer; readonly lines: number } | undefined {
    let size = 0
    let count = 0
    for (const bytes of this.#lines) {
      if (count > 0 && size + bytes.length > CHUNK_BYTES) break
      size += bytes.length
      count += 1
    }
    if (count === 0) return undefined
    const taken = this.#lines.splice(0, count)
    return { bytes: Buffer.concat(taken), lines: count }
  }

  #send(): void {
    const chunk = this.#current
    if (chunk === undefined) return
    write(this.#fd, chunk.bytes, (error, written) => {
      if (this.#gone) return
      if (errorCode(error) === 'EAGAIN') return void setTimeout(() => this.#send(), RETRY_MS)
      if (error !== null) {
        // A closed pipe stays closed; a full disk may be emptied.
        this.#gone = errorCode(error) === 'EPIPE'
        this.#drops += chunk.lines
        this.#queuedBytes -= chunk.bytes.length
        return this.#next()
      }
      chunk.bytes = chunk.bytes.subarray(written)
      this.#queuedBytes -= written
      if (chunk.bytes.length > 0) this.#send()
      else this.#next()
    })
  }
}

/**
 * A pipe of its own file description, without blocking: a write to a full one
 * would hold a thread of the pool, and the process could not end before it does.
 * The description that we were given may be shared, so it stays as it is.
 */
function nonBlocking(fd: number): number {
  try {
    if (!fstatSync(fd).isFIFO()) return fd
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK)
  } catch {
    return fd
  }
}
