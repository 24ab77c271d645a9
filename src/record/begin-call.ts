import type { Refusal } from '../kernel/error.ts'
import type { BeginEntry } from './entry.ts'
import type { WaitingBegin } from './entry-queue.ts'
import type { Denial } from './limits/denial.ts'

/** The books failed, in the operator's words; or a limit keeps the call from beginning. */
export type BeginFailure = string | Denial

interface BeginCall {
  readonly waiting: WaitingBegin
  readonly begun: Promise<void>
}

/**
 * One call's wait for its row. A failure becomes the refusal that `judge` makes
 * of it, or lets the call go on where it makes none.
 */
export function beginCall(
  entry: BeginEntry,
  timeoutMs: number,
  judge: (failure: BeginFailure) => Refusal | undefined,
): BeginCall {
  const { promise: begun, resolve, reject } = Promise.withResolvers<void>()
  let isSettled = false
  const settle = (failure?: BeginFailure): void => {
    if (isSettled) return
    isSettled = true
    clearTimeout(overdue)
    const refusal = failure === undefined ? undefined : judge(failure)
    if (refusal === undefined) resolve()
    else reject(refusal)
  }
  const overdue = setTimeout(settle, timeoutMs, 'the books did not answer in time')
  return { waiting: { entry, settle, isSettled: () => isSettled }, begun }
}
