import { Taps } from '../bridge/tap/taps.ts'
import type { Settings } from '../config/settings.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Emit } from '../kernel/flow.ts'
import type { BookStore } from '../record/book-store.ts'
import { startMaintenance } from '../record/maintenance.ts'
import { PostgresBooks } from '../record/postgres-books.ts'
import { Recorder } from '../record/recorder.ts'
import { SqliteBooks } from '../record/sqlite-books.ts'

/** The structured log's lines, and what the operator has to know of the books. */
export interface BooksOutput {
  readonly writeLine: (line: string) => void
  readonly warn: (problem: string, message: string) => void
  readonly info: (message: string) => void
  readonly emit: Emit
}

/** The books and the side tap that fills them. */
export interface OpenedBooks extends AsyncDisposable {
  readonly recorder: Recorder
  readonly taps: Taps
}

/** Opens both; `settings` is asked again whenever a reload may have changed it. */
export async function openBooks(
  settings: () => Settings,
  clock: Clock,
  output: BooksOutput,
): Promise<OpenedBooks> {
  const { stateDir, postgres, record } = settings()
  await using opened = new AsyncDisposableStack()
  const chained = record.structuredLogChain
  const store: BookStore =
    postgres === undefined
      ? new SqliteBooks({ stateDir, chained })
      : new PostgresBooks({ server: postgres, chained })
  const recorder = opened.use(
    await Recorder.open({
      store,
      clock,
      settings: () => settings().record,
      queueSize: record.queueSize,
      writeLine: output.writeLine,
      onRetrieved: ({ entry, callId, user }) => {
        const { facts, provider, client, billing, costNano } = entry
        const { model, usage } = facts
        const tools = facts.tools.map(({ name }) => name)
        const whose = { callId, user, provider, client, billing }
        output.emit({ type: 'answer_seen', ...whose, model, usage, costNano, tools })
      },
      onState: problem => {
        if (problem === undefined) output.info('records can be written again')
        else output.warn(problem, 'records cannot be written')
      },
    }),
  )
  opened.use(
    startMaintenance({
      store,
      clock,
      settings: () => settings().record,
      onProblem: problem => output.warn(problem, 'the records could not be tidied'),
    }),
  )
  // Disposed first: what it still finds goes into the books.
  const taps = opened.use(
    new Taps({
      clock,
      limits: { ...record.observe, eventBytes: Math.min(EVENT_BYTES, record.observe.callBytes) },
      onProblem: problem => output.warn(problem, 'the side tap failed'),
    }),
  )
  const keep = opened.move()
  return { recorder, taps, [Symbol.asyncDispose]: () => keep.disposeAsync() }
}

/** Of one event or message of a stream. */
const EVENT_BYTES = 8 * 1024 * 1024
