/** A timer that is later than this tells of ourselves: nobody was heard meanwhile. */
const LATE_MS = 100

/**
 * Calls `onLate` when something has not come for `ms`. Where the timer itself is
 * late, this process stood still (it was stopped, or held up): those it waits
 * for may have stood still as well, or have answered and not been read. They get
 * the time once more. Disposing it ends the wait; `ref` keeps the process running.
 */
export function waitPatiently(ms: number, onLate: () => void, ref = true): Disposable {
  const due = performance.now() + ms
  const wait = (then: () => void): NodeJS.Timeout => {
    const timer = setTimeout(then, ms)
    return ref ? timer : timer.unref()
  }
  let timer = wait(() => {
    if (performance.now() - due < LATE_MS) onLate()
    else timer = wait(onLate)
  })
  return { [Symbol.dispose]: () => clearTimeout(timer) }
}
