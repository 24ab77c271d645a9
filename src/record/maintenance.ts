import type { Clock } from '../kernel/clock.ts'
import { describeError } from '../kernel/error.ts'
import type { BookStore } from './book-store.ts'

export interface MaintenanceOptions {
  readonly store: BookStore
  readonly clock: Clock
  readonly settings: () => { readonly retentionMs: number; readonly retentionBytes: number }
  readonly onProblem: (problem: string) => void
  readonly purgeEveryMs?: number
  readonly lookEveryMs?: number
}

const PURGE_MS = 600_000
const LOOK_MS = 30_000
/** Batches of one round; what is left waits for the next. */
const MAX_BATCHES = 10_000

/** Deletes what is too old or too much, and closes the calls of daemons that died. */
export function startMaintenance(options: MaintenanceOptions): Disposable {
  const purging = setInterval(() => void quietly(options, purge), options.purgeEveryMs ?? PURGE_MS)
  const looking = setInterval(
    () => void quietly(options, ({ store }) => store.closeDead()),
    options.lookEveryMs ?? LOOK_MS,
  )
  purging.unref()
  looking.unref()
  void quietly(options, purge)
  return {
    [Symbol.dispose]() {
      clearInterval(purging)
      clearInterval(looking)
    },
  }
}

/** @returns how many calls and connects are gone */
export async function purge({
  store,
  clock,
  settings,
}: Pick<MaintenanceOptions, 'store' | 'clock' | 'settings'>): Promise<number> {
  const { retentionMs, retentionBytes } = settings()
  if (retentionMs <= 0 && retentionBytes <= 0) return 0
  const policy = {
    startedBefore: retentionMs > 0 ? clock.now() - retentionMs : null,
    maxBytes: retentionBytes > 0 ? retentionBytes : null,
  }
  let total = 0
  // Batch by batch, so that calls which begin get their turn in between.
  for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
    const { deleted, more } = await store.purge(policy)
    total += deleted
    if (!more) break
  }
  return total
}

async function quietly(
  options: MaintenanceOptions,
  action: (options: MaintenanceOptions) => Promise<unknown>,
): Promise<void> {
  try {
    await action(options)
  } catch (error) {
    options.onProblem(describeError(error))
  }
}
