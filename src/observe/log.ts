import type { Logger } from 'pino'
import { pino } from 'pino'
import { LineWriter } from './line-writer.ts'

/**
 * JSON escapes C0 controls only. These would still break a line or steer a
 * terminal in whatever shows the log: DEL and C1 (CSI is one of them), the
 * Unicode line separators, and the marks that reverse the direction of text.
 */
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

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

/** Valid in JSON only where it stands inside a string, and nowhere else can they stand. */
export function escapeUnsafe(json: string): string {
  return json.replace(UNSAFE, mark => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
