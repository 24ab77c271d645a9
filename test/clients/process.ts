import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface ProcessResult {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  /** stdout and stderr as they came. */
  readonly output: string
  readonly timedOut: boolean
}

export interface ProcessOptions {
  /** The whole environment: nothing is inherited. */
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  readonly timeoutMs: number
}

/**
 * Runs a program in a process group of its own and never longer than
 * `timeoutMs`; whatever it leaves behind is killed with the group.
 */
export async function runProcess(
  program: string,
  args: readonly string[],
  options: ProcessOptions,
): Promise<ProcessResult> {
  const { env, cwd, timeoutMs } = options
  const child = spawn(program, args, {
    env,
    cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let output = ''
  let timedOut = false
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))

  const timer = setTimeout(() => {
    timedOut = true
    killGroup(child.pid)
  }, timeoutMs)
  try {
    await once(child, 'exit')
  } catch (error) {
    return { code: null, stdout, output: String(error), timedOut }
  } finally {
    clearTimeout(timer)
    killGroup(child.pid)
  }
  if (!child.stdout.closed || !child.stderr.closed) await once(child, 'close')
  return { code: child.exitCode, stdout, output, timedOut }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left in the group.
  }
}
