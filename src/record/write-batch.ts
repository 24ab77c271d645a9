import type { CommitOptions, Denied, Retrieved } from './book-store.ts'
import type { Entry, RetrievalEntry } from './entry.ts'
import { LimitReached } from './limits/denial.ts'
import type { LineMaker } from './log-chain.ts'
import { logRecords } from './log-record.ts'
import { type Place, Places } from './places.ts'
import { SQL } from './statements.ts'
import { ask, type Dialect, put, type Row, type Work } from './work.ts'
import { writeEntry } from './write-entries.ts'

export interface BatchContext {
  readonly dialect: Dialect
  readonly instance: string
  /** Whether an error is of one entry and would come again. */
  readonly isOfTheEntry: (error: unknown) => boolean
  /**
   * Where an error ends the transaction: each entry has a savepoint of its own,
   * and is waited for. For a batch that has failed as a whole.
   */
  readonly apart?: boolean
}

export interface WrittenBatch {
  /** Entries as they were stored. */
  readonly stored: readonly Entry[]
  /** Places of those that cannot be stored, ever. */
  readonly refused: readonly number[]
  readonly denied: readonly Denied[]
  /** Calls whose answers have used up a budget. */
  readonly exhausted: readonly string[]
  readonly retrieved: readonly Retrieved[]
}

/** Writes entries in their order, inside one transaction. */
export function* writeBatch(
  { dialect, instance, isOfTheEntry, apart = false }: BatchContext,
  { entries, text }: CommitOptions,
): Work<WrittenBatch> {
  const stored: Entry[] = []
  const refused: number[] = []
  const denied: Denied[] = []
  const exhausted = new Set<string>()
  const retrieved: Retrieved[] = []
  const context = {
    instance,
    text,
    places: new Places(dialect, entries),
    onExhausted: (callId: string) => exhausted.add(callId),
    onRetrieved: (entry: RetrievalEntry, { id: callId, user }: Place) =>
      retrieved.push({ entry, callId, user }),
  }
  // Asking whether writing works takes a write.
  if (entries.length === 0) yield put(SQL.touch, { id: instance })
  for (const [place, entry] of entries.entries()) {
    try {
      if (apart) yield put('SAVEPOINT entry', {})
      const written = yield* writeEntry(context, entry)
      if (apart) yield ask('RELEASE SAVEPOINT entry')
      stored.push(written)
    } catch (error) {
      if (error instanceof LimitReached) denied.push({ place, denial: error.denial })
      else if (!isOfTheEntry(error)) throw error
      else refused.push(place)
      if (apart) yield put('ROLLBACK TO SAVEPOINT entry', {})
    }
  }
  return { stored, refused, denied, exhausted: [...exhausted], retrieved }
}

/** The structured log's lines about entries that are durable. */
export function* linesOf(entries: readonly Entry[], maker: LineMaker, now: number): Work<string[]> {
  const lines: string[] = []
  for (const entry of entries) {
    const row = yield* startRow(entry)
    lines.push(...logRecords(entry, row).map(record => maker.line(record, now)))
  }
  return lines
}

/** Only the first word about a call needs its row. */
function* startRow(entry: Entry): Work<Row | undefined> {
  if (entry.type !== 'request' && entry.type !== 'end') return undefined
  if (!entry.first) return undefined
  const id = entry.type === 'request' ? entry.callId : entry.ended.callId
  return (yield ask(SQL.row, { id })).rows[0]
}
