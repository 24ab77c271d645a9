import { holderOf } from './observation.ts'
import type { Observations } from './observations.ts'
import type { Batch, FromTapWorker, Operation, Side } from './protocol.ts'

/** How long one user's calls are read before it is the next one's turn. */
const TURN_MS = 10

/** Between two looks at the clock: compressed, these may be a thousand times as many. */
const PIECE_BYTES = 8 * 1024

interface Task {
  readonly operation: Operation
  /** What is left of the operation's bytes. */
  bytes: Buffer
}

/**
 * Reads what many users' calls have carried, in turns by time. SECURITY: a few
 * megabytes of compressed messages take half a minute to read, and nobody else
 * may wait for that, or their budgets would learn too late what they have spent.
 */
export class ReadingTurns {
  readonly #observations: Observations
  readonly #tell: (message: FromTapWorker) => void
  /** By user, in the order of their turns. */
  readonly #waiting = new Map<string, Task[]>()
  /** Those of them that came since the last turn; their bytes are still the batches'. */
  #fresh: Task[] = []
  #isDue = false

  constructor(observations: Observations, tell: (message: FromTapWorker) => void) {
    this.#observations = observations
    this.#tell = tell
  }

  get isIdle(): boolean {
    return this.#waiting.size === 0
  }

  add({ bytes, operations }: Batch): void {
    for (const [user, list] of operations) {
      const tasks = this.#waiting.get(user) ?? []
      for (const operation of list) {
        const task = { operation, bytes: bytesOf(operation, bytes) }
        tasks.push(task)
        this.#fresh.push(task)
      }
      this.#waiting.set(user, tasks)
    }
    this.#schedule()
  }

  /** What comes in meanwhile is seen between two turns. */
  #schedule(): void {
    if (this.isIdle || this.#isDue) return
    this.#isDue = true
    setImmediate(() => this.#take())
  }

  #take(): void {
    this.#isDue = false
    const read = new Map<string, number>()
    const end = performance.now() + TURN_MS
    let done = 0
    do {
      const [next] = this.#waiting
      if (next === undefined) break
      const [user, tasks] = next
      this.#waiting.delete(user)
      const count = this.#read(user, tasks, read)
      done += count
      tasks.splice(0, count)
      if (tasks.length > 0) this.#waiting.set(user, tasks)
    } while (performance.now() < end)
    // What has to wait for another turn must not keep all of a batch for a little of it.
    for (const task of this.#fresh) task.bytes = withoutRest(task.bytes)
    this.#fresh = []
    this.#tell({ findings: this.#observations.findings(), read, done })
    this.#schedule()
  }

  /** Reads for one turn; how many of the tasks are done. */
  #read(user: string, tasks: readonly Task[], read: Map<string, number>): number {
    const end = performance.now() + TURN_MS
    const bytes: Record<Side, number> = { up: 0, down: 0 }
    let done = 0
    for (const task of tasks) {
      const { operation } = task
      do {
        const piece = nextPiece(task)
        if (operation.op === 'bytes') bytes[operation.side] += piece.length
        this.#observations.apply(user, operation, piece)
      } while (task.bytes.length > 0 && performance.now() < end)
      if (task.bytes.length === 0) done += 1
      if (performance.now() >= end) break
    }
    for (const side of ['up', 'down'] as const) {
      const holder = holderOf(user, side)
      read.set(holder, (read.get(holder) ?? 0) + bytes[side])
    }
    return done
  }
}

const NOTHING = Buffer.alloc(0)

/** Takes a piece off a task. */
function nextPiece(task: Task): Buffer {
  const { bytes } = task
  task.bytes = bytes.length > PIECE_BYTES ? bytes.subarray(PIECE_BYTES) : NOTHING
  return bytes.length > PIECE_BYTES ? bytes.subarray(0, PIECE_BYTES) : bytes
}

function bytesOf(operation: Operation, { buffer, byteOffset }: Uint8Array): Buffer {
  if (operation.op !== 'bytes') return NOTHING
  return Buffer.from(buffer, byteOffset + operation.from, operation.to - operation.from)
}

/** The bytes in a buffer of their own, where they are a little of a large one. */
function withoutRest(bytes: Buffer): Buffer {
  return bytes.length * 2 < bytes.buffer.byteLength ? Buffer.from(bytes) : bytes
}
