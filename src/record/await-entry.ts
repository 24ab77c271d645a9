import type { Refusal } from '../kernel/error.ts'
import { waitPatiently } from '../kernel/patience.ts'
import type { CommitResult } from './book-store.ts'
import type { Entry } from './entry.ts'
import type { Queued, Waiting } from './entry-queue.ts'
import type { Denial } from './limits/denial.ts'

/** The books failed, in the operator's words; or a limit keeps the call from going on. */
export type EntryFailure = string | Denial

interface AwaitedEntry {
  readonly waiting: Waiting
  readonly written: Promise<void>
}

/**
 * One call's wait for an entry. A failure becomes the refusal that `judge` makes
 * of it, or lets the call go on where it makes none.
 */
export function awaitEntry(
  entry: Entry,
  timeoutMs: number,
  judge: (failure: EntryFailure) => Refusal | undefined,
): AwaitedEntry {
  const { promise: written, resolve, reject } = Promise.withResolvers<void>()
  let isSettled = false
  const settle = (failure?: EntryFailure): void => {
    if (isSettled) return
    isSettled = true
    overdue[Symbol.dispose]()
    const refusal = failure === undefined ? undefined : judge(failure)
    if (refusal === undefined) resolve()
    else reject(refusal)
  }
  const overdue = waitPatiently(timeoutMs, () => settle('the books did not answer in time'))
  return { waiting: { entry, settle, isSettled: () => isSettled }, written }
}

/** Tells those who wait what became of their entries. */
export function settleAll(all: readonly Queued[], { denied, refused }: CommitResult): void {
  for (const { place, denial } of denied) all[place]?.settle?.(denial)
  for (const place of refused) all[place]?.settle?.('this call cannot be stored')
  for (const { settle } of all) settle?.()
}
