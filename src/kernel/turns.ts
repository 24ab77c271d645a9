import { Tally } from './tally.ts'

interface Waiting {
  readonly asker: string
  readonly start: () => void
}

/**
 * Runs at most `total` tasks at one time and `perAsker` of one asker, the
 * others in their order. Whoever has its share waits behind itself only. The
 * last `forOthers` slots go to askers that have none: a few cannot take all.
 */
export function createTurns(
  total: number,
  perAsker: number,
  forOthers = 0,
): <T>(asker: string, task: () => Promise<T>) => Promise<T> {
  const queue: Waiting[] = []
  const running = new Tally()
  let taken = 0

  const mayStart = (asker: string): boolean => {
    const has = running.of(asker)
    return has < perAsker && taken < (has === 0 ? total : total - forOthers)
  }
  const take = (asker: string): void => {
    taken += 1
    running.take(asker)
  }
  const giveBack = (asker: string): void => {
    taken -= 1
    running.giveBack(asker)
    const index = queue.findIndex(waiting => mayStart(waiting.asker))
    const [next] = index < 0 ? [] : queue.splice(index, 1)
    if (next === undefined) return
    // The slot goes over without becoming free in between.
    take(next.asker)
    next.start()
  }

  return async (asker, task) => {
    if (mayStart(asker)) take(asker)
    else await new Promise<void>(start => queue.push({ asker, start }))
    try {
      // Always a tick later, so that the caller is on record before it runs.
      await Promise.resolve()
      return await task()
    } finally {
      giveBack(asker)
    }
  }
}
