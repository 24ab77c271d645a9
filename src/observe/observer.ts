import type { Logger } from 'pino'
import type { Clock } from '../kernel/clock.ts'
import { systemClock } from '../kernel/clock.ts'
import type { Event } from '../kernel/event.ts'
import type { Emit } from '../kernel/flow.ts'
import { lineOf } from './event-line.ts'
import { countEvent } from './event-metrics.ts'
import { LineBudget } from './line-budget.ts'
import type { Metrics } from './metrics.ts'

/** 3 reasons at once, 400 bytes a line: well below 1 MB a minute. */
const LINES_PER_SECOND = 10
const SUMMARY_MS = 1000

export interface ObserverOptions {
  readonly log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>
  readonly metrics: Metrics
  /** Lines for each reason code and second before the rest is only counted. */
  readonly linesPerSecond?: number
  readonly clock?: Clock
}

/**
 * The reader of the event stream that makes log lines and metrics. Total: a
 * fault in here must not reach the connection that the event is about.
 */
export function createObserver(options: ObserverOptions): Emit {
  const { log, metrics, clock = systemClock } = options
  const budget = new LineBudget(options.linesPerSecond ?? LINES_PER_SECOND)
  let summary: NodeJS.Timeout | undefined

  const summarise = (): void => {
    summary = undefined
    for (const { key, count } of budget.takeSuppressed()) {
      attempt(() => log.warn({ reason: key, suppressed: count }, 'log lines suppressed'))
    }
  }

  const write = (event: Event): void => {
    const line = lineOf(event)
    if (line === undefined) return
    if (line.floodKey !== undefined && !budget.admit(line.floodKey, clock.monotonic())) {
      summary ??= setTimeout(summarise, SUMMARY_MS).unref()
      return
    }
    log[line.level](line.fields, line.message)
  }

  const attempt = (action: () => void): void => {
    try {
      action()
    } catch (error) {
      try {
        log.error({ err: error }, 'event could not be observed')
      } catch {
        // Nobody is left to tell.
      }
    }
  }

  return event => {
    attempt(() => countEvent(event, metrics))
    attempt(() => write(event))
  }
}
