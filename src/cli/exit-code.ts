import { ConfigurationError, describeError } from '../kernel/error.ts'
import type { CliContext } from './context.ts'

/** Runs a command to its exit code: what it throws goes to stderr, as 2 if it is of the user's making, else 1. */
export async function exitCode(
  stderr: CliContext['stderr'],
  command: () => Promise<number> | number,
): Promise<number> {
  try {
    return await command()
  } catch (error) {
    const problems = error instanceof ConfigurationError ? error.problems : [describeError(error)]
    for (const problem of problems) stderr.write(`aibridgeproxyd: ${problem}\n`)
    return error instanceof ConfigurationError ? 2 : 1
  }
}
