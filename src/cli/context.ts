import type { Readable } from 'node:stream'
import { PROVIDER_TYPES } from '../bridge/providers/registry.ts'
import { type FlagGrammar, type Flags, type ParsedFlags, parseFlags } from '../config/flags.ts'
import { type Loaded, loadConfig } from '../config/load.ts'
import { ConfigurationError } from '../kernel/error.ts'

/** What a command gets of the process it runs in. */
export interface CliContext {
  /** What stands behind the command's name. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
  readonly stdin: Readable
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
}

/** What most commands need of it. */
export type Output = Pick<CliContext, 'stdout' | 'stderr'>

/** A command as the list of commands sees it. */
export interface Command {
  readonly name: string
  readonly summary: string
  load(): Promise<LoadedCommand>
}

/** A command as dispatch, its `--help` and the reference see it. */
interface LoadedCommand {
  readonly usage: string
  /** Resolves with the exit code: 0 done, 1 failed, 2 usage or configuration. */
  run(context: CliContext): Promise<number> | number
}

export interface Configured {
  readonly loaded: Loaded
  readonly flags: Readonly<Record<string, readonly string[]>>
  readonly rest: readonly string[]
}

/** The words of a command line; a command that takes no operands is given none. */
export function readWords({ args }: CliContext, grammar: FlagGrammar): ParsedFlags {
  const words = parseFlags(args, grammar)
  if (words.rest.length > 0 && grammar.stopAtOperand !== true) {
    throw new ConfigurationError(words.rest.map(word => `unexpected argument: ${word}: see --help`))
  }
  return words
}

/** Reads the configuration of a command from its flags and everything else. */
export function configure(context: CliContext, grammar: FlagGrammar = {}): Configured {
  const { flags, rest } = readWords(context, grammar)
  const own = Object.keys(grammar.own ?? {})
  const options: Flags = Object.fromEntries(
    Object.entries(flags).filter(([name]) => !own.includes(name)),
  )
  return { loaded: load(context, options), flags, rest }
}

function load(context: CliContext, flags: Flags): Loaded {
  return loadConfig({ flags, env: context.env, types: PROVIDER_TYPES, home: context.home })
}

/** The last value of a flag of the command's own. */
export function flagValue(configured: Configured, name: string): string | undefined {
  return configured.flags[name]?.at(-1)
}
