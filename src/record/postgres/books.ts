import type { CommitOptions, CommitResult } from '../book-store.ts'
import type { Entry } from '../entry.ts'
import { leaveInstance, otherInstances } from '../interrupted.ts'
import { LineMaker } from '../log-chain.ts'
import { purgeBatch, type RetentionPolicy } from '../retention.ts'
import type { Work } from '../work.ts'
import { linesOf, type WrittenBatch, writeBatch } from '../write-batch.ts'
import { POSTGRES_DIALECT } from './dialect.ts'
import { isOfTheEntry } from './errors.ts'
import { closeIfDead, holdInstance } from './instances.ts'
import { PostgresLink } from './link.ts'
import type { PostgresRunner } from './runner.ts'
import { ensureSchema, LOCKS, lock } from './schema.ts'
import type { ServerData } from './server-data.ts'

export interface PostgresBooksOptions {
  readonly server: ServerData
  readonly instance: string
  /** Whether lines of the structured log are chained by hashes. */
  readonly chained: boolean
}

/** Somebody waits for what is written; upkeep may take its time. */
const WRITER = "SET statement_timeout = '6s'; SET lock_timeout = '4s'"
const WRITER_MS = 8000
const UPKEEP = "SET statement_timeout = '120s'; SET lock_timeout = '4s'"
const UPKEEP_MS = 130_000

/**
 * The books in PostgreSQL, written by any number of daemons. One connection
 * takes the batches, another tidies up, so that no call waits for that.
 */
export class PostgresBooks implements AsyncDisposable {
  readonly #instance: string
  readonly #writer: PostgresLink
  readonly #upkeep: PostgresLink
  readonly #lines: LineMaker

  constructor({ server, instance, chained }: PostgresBooksOptions) {
    this.#instance = instance
    this.#lines = new LineMaker(chained ? instance : undefined)
    this.#writer = new PostgresLink({
      server,
      session: WRITER,
      prepare: true,
      queryMs: WRITER_MS,
      prelude: async runner => {
        await ensureSchema(runner)
        await runner.run(holdInstance(instance, Date.now()))
      },
    })
    this.#upkeep = new PostgresLink({
      server,
      session: UPKEEP,
      prepare: false,
      queryMs: UPKEEP_MS,
      prelude: ensureSchema,
    })
  }

  commit(options: CommitOptions): Promise<CommitResult> {
    return this.#writer.use(async runner => {
      const { stored, ...result } = await this.#write(runner, options)
      if (!options.lines) return { ...result, lines: [] }
      return { ...result, lines: await runner.run(linesOf(stored, this.#lines, Date.now())) }
    })
  }

  purge(policy: RetentionPolicy): Promise<{ readonly deleted: number; readonly more: boolean }> {
    return this.#upkeep.use(async runner => {
      const deleted = await runner.transaction(purgeAlone(policy))
      return { deleted, more: deleted > 0 }
    })
  }

  closeDead(): Promise<number> {
    return this.#upkeep.use(async runner => {
      let closed = 0
      for (const id of await runner.run(otherInstances(this.#instance))) {
        closed += await runner.transaction(closeIfDead(id))
      }
      return closed
    })
  }

  /** What is still open now will not end any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    // Without a server somebody else finds this process gone and does the same.
    await this.#writer
      .use(runner => runner.transaction(leaveInTurn(this.#instance)))
      .catch(() => undefined)
    await Promise.all([this.#writer[Symbol.asyncDispose](), this.#upkeep[Symbol.asyncDispose]()])
  }

  /** An error ends the whole transaction, so its entry is looked for in a second one. */
  async #write(runner: PostgresRunner, options: CommitOptions): Promise<WrittenBatch> {
    const context = { dialect: POSTGRES_DIALECT, instance: this.#instance }
    const isOurs = (error: unknown): boolean => error instanceof TypeError
    try {
      const work = writeBatch({ ...context, isOfTheEntry: isOurs }, options)
      return await runner.transaction(inTurn(options.entries, work))
    } catch (error) {
      if (!isOfTheEntry(error)) throw error
      const work = writeBatch({ ...context, isOfTheEntry, apart: true }, options)
      return await runner.transaction(inTurn(options.entries, work))
    }
  }
}

/**
 * Batches that touch what daemons share go one after the other, before any row
 * is locked. Two that write a tool call and its follow-up at the same moment
 * would not see each other's; two that take from the same purses in another
 * order would wait for each other.
 */
function* inTurn(entries: readonly Entry[], work: Work<WrittenBatch>): Work<WrittenBatch> {
  if (entries.some(touchesShared)) yield* lock(LOCKS.shared)
  return yield* work
}

function touchesShared(entry: Entry): boolean {
  switch (entry.type) {
    case 'begin':
      return entry.limits.charges.length > 0 || entry.limits.callsPerSecond > 0
    case 'request':
      return entry.facts.correlatingToolCallId !== null
    case 'response':
      return entry.isCharged || entry.facts.tools.some(({ callId }) => callId !== null)
    case 'end':
      return entry.isCharged
    case 'retrieval':
      return true
    case 'turn':
      return entry.charges.length > 0
    default:
      return false
  }
}

function* leaveInTurn(instance: string): Work<number> {
  yield* lock(LOCKS.shared)
  return yield* leaveInstance(instance)
}

function* purgeAlone(policy: RetentionPolicy): Work<number> {
  yield* lock(LOCKS.purge)
  return yield* purgeBatch(POSTGRES_DIALECT, policy)
}
