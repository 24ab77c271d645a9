import { describeError } from '../kernel/error.ts'
import { waitPatiently } from '../kernel/patience.ts'

export interface Deadline {
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * Waits for something that may neither take longer than `timeoutMs` nor outlive
 * `signal`. `start` begins it and returns what releases its listeners and
 * handles; that runs exactly once, whichever way it ends, before the promise
 * settles. Rejects with `timedOut()` or with the signal's reason.
 */
export function settleWithin<T>(
  { timeoutMs, signal }: Deadline,
  timedOut: () => Error,
  start: (fulfil: (value: T) => void, reject: (error: Error) => void) => () => void,
): Promise<T> {
  return new Promise((fulfil, reject) => {
    let release: (() => void) | undefined
    let settled = false
    const settle = (finish: () => void): void => {
      if (settled) return
      settled = true
      wait[Symbol.dispose]()
      signal.removeEventListener('abort', onAbort)
      release?.()
      finish()
    }
    const onAbort = (): void => settle(() => reject(toError(signal.reason)))
    const wait = waitPatiently(timeoutMs, () => settle(() => reject(timedOut())))

    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) {
      onAbort()
      return
    }
    try {
      release = start(
        value => settle(() => fulfil(value)),
        error => settle(() => reject(error)),
      )
    } catch (error) {
      settle(() => reject(toError(error)))
    }
    // It settled before it returned: its handles are still to be released.
    if (settled) release?.()
  })
}

export function toError(value: unknown): Error {
  return value instanceof Error ? value : new Error(describeError(value))
}
