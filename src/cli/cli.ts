import { helpText } from '../config/output/help.ts'
import { COMMANDS } from './commands.ts'
import type { CliContext, Command } from './context.ts'
import { exitCode } from './exit-code.ts'
import { packageVersion } from './version.ts'

/**
 * Runs one command line. Resolves with the exit code: 0 done, 1 failed, 2 usage
 * or configuration error (`run` gives its child's).
 */
export async function runCli(context: CliContext): Promise<number> {
  const [word, ...rest] = context.args
  if (word === '--version' || word === '-v') {
    context.stdout.write(`${packageVersion()}\n`)
    return 0
  }
  if (word === '--help' || word === '-h' || word === 'help') {
    context.stdout.write(overview())
    return 0
  }
  // Flags without a command are `serve`'s, the default.
  const implied = word === undefined || word.startsWith('-')
  const name = implied ? 'serve' : word
  const command = COMMANDS.find(known => known.name === name)
  if (command === undefined) {
    context.stderr.write(`unknown command: ${name}\n\n${commandList()}`)
    return 2
  }
  return await runCommand(command, { ...context, args: implied ? context.args : rest })
}

async function runCommand(command: Command, context: CliContext): Promise<number> {
  const asked = ownWords(command, context.args).find(word => HELP_OR_VERSION.has(word))
  if (asked !== undefined) {
    const isVersion = asked === '--version' || asked === '-v'
    const text = isVersion ? packageVersion() : (await command.load()).usage
    context.stdout.write(`${text}\n`)
    return 0
  }
  const loaded = await command.load()
  return await exitCode(context.stderr, () => loaded.run(context))
}

const HELP_OR_VERSION: ReadonlySet<string> = new Set(['--help', '-h', '--version', '-v'])

/** The words that are not another command's: `run sh --help` asks the shell. */
function ownWords({ name }: Command, args: readonly string[]): readonly string[] {
  const isEnd = (word: string): boolean =>
    word === '--' || (name === 'run' && !word.startsWith('-'))
  const end = args.findIndex(isEnd)
  return end < 0 ? args : args.slice(0, end)
}

function overview(): string {
  return `Usage: aibridgeproxyd COMMAND [ARG …]\n\n${commandList()}\n${helpText()}`
}

function commandList(): string {
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(8)}${summary}`)
  return `Commands (each has --help):\n${lines.join('\n')}\n`
}
