import { createWriteStream } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describeError } from '../../kernel/error.ts'
import { Memory } from '../../kernel/memory.ts'
import { secureDirectory } from '../state-file.ts'
import { type DumpBounds, DumpFile } from './dump-file.ts'

const MIB = 1024 * 1024
const BOUNDS: DumpBounds = {
  fileBytes: 16 * MIB,
  waitingBytes: 64 * MIB,
  directoryBytes: 1024 * MIB,
  files: 20_000,
  openFiles: 64,
}

/** Milliseconds, a call's id, a number: what is named otherwise is not ours to delete. */
const OURS = /^\d{13}-[\da-f-]{36}-\d+\.(?:req|resp|req_error)\.txt$/

export interface DumpDeps {
  /** That asked for it: for messages. */
  readonly option: string
  /** Each has a directory of its own below. */
  readonly providers: readonly string[]
  /** Told of the first problem only: a full disk would fill the log as well. */
  readonly warn: (problem: string) => void
  readonly bounds?: Partial<DumpBounds>
}

interface Kept {
  readonly path: string
  bytes: number
  /** It had to make room, and may still be written to. */
  isGone: boolean
}

/** Dumps on disk, readable by this process's user only; the oldest make room for the newest. */
export class DumpDirectory {
  readonly #path: string
  readonly #warn: DumpDeps['warn']
  readonly #bounds: DumpBounds
  /** The oldest first. */
  #kept: Kept[] = []
  readonly #waiting: Memory
  #bytes = 0
  #open = 0
  #hasWarned = false

  /** @throws ConfigurationError when it cannot be made, or others can write to it */
  constructor(path: string, { option, providers, warn, bounds }: DumpDeps) {
    this.#path = path
    this.#warn = warn
    this.#bounds = { ...BOUNDS, ...bounds }
    this.#waiting = new Memory(this.#bounds.waitingBytes)
    for (const directory of [path, ...providers.map(name => join(path, name))]) {
      secureDirectory(directory, `${option}: dump directory`)
    }
    this.#adopt(providers).catch(error => this.#complain(error))
  }

  /** Begins a file; undefined where too many are being written. */
  create(provider: string, name: string): DumpFile | undefined {
    if (this.#open >= this.#bounds.openFiles) {
      this.#complain(`${this.#open} dumps are being written, more at once are left out`)
      return undefined
    }
    this.#open += 1
    const kept = { path: join(this.#path, provider, name), bytes: 0, isGone: false }
    this.#kept.push(kept)
    const stream = createWriteStream(kept.path, { flags: 'wx', mode: 0o600 })
    stream.on('error', error => this.#complain(error))
    stream.once('close', () => {
      this.#open -= 1
    })
    return new DumpFile(stream, {
      room: this.#bounds.fileBytes,
      waiting: this.#waiting,
      onBytes: bytes => {
        if (kept.isGone) return
        kept.bytes += bytes
        this.#bytes += bytes
        this.#forgetOldest()
      },
    })
  }

  #forgetOldest(): void {
    const { directoryBytes, files } = this.#bounds
    while (this.#bytes > directoryBytes || this.#kept.length > files) {
      const oldest = this.#kept.shift()
      if (oldest === undefined) return
      oldest.isGone = true
      this.#bytes -= oldest.bytes
      rm(oldest.path, { force: true }).catch(error => this.#complain(error))
    }
  }

  /** Takes over what an earlier process or configuration has left. */
  async #adopt(providers: readonly string[]): Promise<void> {
    const found: Kept[] = []
    for (const provider of providers) {
      const directory = join(this.#path, provider)
      for (const name of await readdir(directory)) {
        const path = join(directory, name)
        if (!OURS.test(name)) continue
        const size = await stat(path).then(
          ({ size: bytes }) => bytes,
          () => undefined,
        )
        if (size !== undefined) found.push({ path, bytes: size, isGone: false })
      }
    }
    const ours = new Set(this.#kept.map(({ path }) => path))
    const old = found.filter(({ path }) => !ours.has(path))
    old.sort((a, b) => (basename(a.path) < basename(b.path) ? -1 : 1))
    this.#kept = [...old, ...this.#kept]
    this.#bytes += old.reduce((sum, { bytes }) => sum + bytes, 0)
    this.#forgetOldest()
  }

  #complain(problem: unknown): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    this.#warn(describeError(problem))
  }
}
