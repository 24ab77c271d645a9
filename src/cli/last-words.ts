import { describeError } from '../kernel/error.ts'
import type { Log } from '../observe/log.ts'

/** Whatever ends the process, its last lines are written. A fault is one line and exit code 1. */
export function keepLastWords(log: Log): Disposable {
  const onExit = (): void => log.flushSync()
  const onFault = (error: unknown): void => {
    log.logger.fatal({ problem: describeError(error) }, 'internal fault')
    process.exit(1)
  }
  // A rejection that nobody handles comes here, too.
  process.on('exit', onExit).on('uncaughtException', onFault)
  return {
    [Symbol.dispose]() {
      process.off('exit', onExit).off('uncaughtException', onFault)
    },
  }
}
