import type { Logger } from 'pino'
import { pino } from 'pino'
import { escapeUnsafe } from '../kernel/json-line.ts'
import { LineWriter } from './line-writer.ts'

export interface LogOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error'
  /** A file descriptor; stdout unless given. */
  readonly fd?: number
  /** Text that may wait while the destination is slow; beyond it lines are dropped and counted. */
  readonly queueBytes: number
}

export interface Log {
  readonly logger: Logger
  /** Writes a line of somebody else's making, without its end, among the others. */
  writeLine(line: string): void
  /** Lines lost so far, because the destination was too slow or failed. */
  drops(): number
  /** Resolves when what was logged has been handed to the system, or cannot be. */
  flush(): Promise<void>
  /** The same where nothing asynchronous runs any more, as in an `exit` handler. */
  flushSync(): void
}

/** JSON lines with a level name and an RFC 3339 time, written without blocking. */
export function createLog(options: LogOptions): Log {
  const writer = new LineWriter(options.fd ?? 1, options.queueBytes)
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    { write: line => writer.write(escapeUnsafe(line)) },
  )
  return {
    logger,
    writeLine: line => writer.write(`${escapeUnsafe(line)}\n`),
    drops: () => writer.drops,
    flush: () => writer.flush(),
    flushSync: () => writer.flushSync(),
  }
}
