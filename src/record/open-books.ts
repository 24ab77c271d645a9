import { startMaintenance } from './maintenance.ts'
import { Recorder, type RecorderOptions } from './recorder.ts'
import { SqliteBooks, type SqliteBooksOptions } from './sqlite-books.ts'

export interface OpenBooksOptions
  extends Omit<RecorderOptions, 'store'>,
    Pick<SqliteBooksOptions, 'stateDir' | 'chained'> {
  /** Retention, or looking after daemons that died, failed; it is tried again. */
  readonly onProblem: (problem: string) => void
}

export interface OpenedBooks extends AsyncDisposable {
  readonly recorder: Recorder
}

/**
 * The books of a state directory: recorder, retention, and an eye on other
 * daemons that share it.
 * @throws ConfigurationError when they cannot be written
 */
export async function openBooks(options: OpenBooksOptions): Promise<OpenedBooks> {
  const { stateDir, chained = false, clock, settings, onProblem } = options
  const store = new SqliteBooks({ stateDir, chained })
  const recorder = await Recorder.open({ ...options, store })
  const maintenance = startMaintenance({ store, clock, settings, onProblem })
  return {
    recorder,
    async [Symbol.asyncDispose]() {
      maintenance[Symbol.dispose]()
      await recorder[Symbol.asyncDispose]()
    },
  }
}
