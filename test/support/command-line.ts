import { runCli } from '../../src/cli/cli.ts'
import type { Output } from '../../src/cli/context.ts'
import { exitCode } from '../../src/cli/exit-code.ts'
import type { CommandResult } from './daemon-process.ts'

/** What a command says to `io`, and the exit code that it ends with. */
export async function captured(
  command: (io: Output) => Promise<number> | number,
): Promise<CommandResult> {
  const text = { stdout: '', stderr: '' }
  const sink = (name: keyof typeof text) => ({ write: (chunk: string) => (text[name] += chunk) })
  const io = { stdout: sink('stdout'), stderr: sink('stderr') }
  return { code: await exitCode(io.stderr, () => command(io)), ...text }
}

/** A command within this process: most of what one costs is its own start. */
export async function runInProcess(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<CommandResult> {
  return await captured(io =>
    runCli({ args, env, home: '/nonexistent', stdin: process.stdin, ...io }),
  )
}
