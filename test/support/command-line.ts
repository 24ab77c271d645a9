import { runCli } from '../../src/cli/cli.ts'
import type { CommandResult } from './daemon-process.ts'

/** A command within this process: most of what one costs is its own start. */
export async function runInProcess(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<CommandResult> {
  let [stdout, stderr] = ['', '']
  const code = await runCli({
    args,
    env,
    home: '/nonexistent',
    stdin: process.stdin,
    stdout: { write: text => (stdout += text) },
    stderr: { write: text => (stderr += text) },
  })
  return { code, stdout, stderr }
}
