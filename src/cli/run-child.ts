import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { describeError, errorCode } from '../kernel/error.ts'
import type { CliContext } from './context.ts'

const FORWARDED: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']

/**
 * Keeps the first signal that comes before there is a command to hand it to: unhandled it
 * would end the process and leave the CA of the private daemon behind.
 */
export function catchSignals(): Disposable & { readonly signal: NodeJS.Signals | undefined } {
  let first: NodeJS.Signals | undefined
  const keep = (signal: NodeJS.Signals): void => {
    first ??= signal
  }
  for (const signal of FORWARDED) process.on(signal, keep)
  return {
    get signal() {
      return first
    },
    [Symbol.dispose]() {
      for (const signal of FORWARDED) process.off(signal, keep)
    },
  }
}

/** Of whoever a signal ended, as shells have it. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}

/** Runs the command with our signals handed on; resolves with its exit code. */
export function runChild(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
  { stdin, stderr }: CliContext,
): Promise<number> {
  return new Promise(resolve => {
    const child = spawn(command, [...args], { env, stdio: 'inherit' })
    const forward = (signal: NodeJS.Signals): void => {
      if (!fromTerminal(signal, stdin)) child.kill(signal)
    }
    for (const signal of FORWARDED) process.on(signal, forward)
    const done = (code: number): void => {
      for (const signal of FORWARDED) process.off(signal, forward)
      resolve(code)
    }
    child.once('error', error => {
      stderr.write(`${command}: ${describeError(error)}\n`)
      // As shells have it: 127 not found, 126 found but not executable.
      done(errorCode(error) === 'ENOENT' ? 127 : 126)
    })
    child.once('exit', (code, signal) => {
      done(code ?? (signal === null ? 1 : exitCodeOf(signal)))
    })
  })
}

/** A terminal signals its whole foreground group (termios(3), ISIG): the child has it already. */
export function fromTerminal(signal: NodeJS.Signals, stdin: object): boolean {
  const isTerminal = 'isTTY' in stdin && stdin.isTTY === true
  return isTerminal && (signal === 'SIGINT' || signal === 'SIGQUIT')
}
