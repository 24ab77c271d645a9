import { ConfigurationError } from '../kernel/error.ts'
import type { Option } from './option.ts'
import { allOptions } from './options.ts'
import { type Parsed, parsed, unparsable } from './parsed.ts'
import { suggestion } from './suggest.ts'

/** Values by flag name as written, without dashes; each occurrence in order. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[]>>

export interface ParsedFlags {
  readonly flags: Readonly<Record<string, readonly string[]>>
  /** What is not a flag, and everything behind `--`. */
  readonly rest: readonly string[]
}

export interface FlagGrammar {
  /** Flags of the command itself; a `switch` takes no value. */
  readonly own?: Readonly<Record<string, 'switch' | 'value'>>
  /** The first word that is not a flag ends the flags (`run cmd --its-flag`). */
  readonly stopAtOperand?: boolean
}

/**
 * Reads `--flag value`, `--flag=value` and, for bools, `--flag`. Throws
 * `ConfigurationError` with every unknown flag and every missing value.
 */
export function parseFlags(argv: readonly string[], grammar: FlagGrammar = {}): ParsedFlags {
  const known = knownFlags(grammar.own ?? {})
  const flags = new Map<string, string[]>()
  const rest: string[] = []
  const problems: string[] = []
  const words = argv[Symbol.iterator]()

  for (const word of words) {
    if (word === '--') {
      rest.push(...words)
    } else if (isFlag(word)) {
      const flag = readFlag(word, known, () => words.next().value)
      if (flag.ok)
        flags.set(flag.value.name, [...(flags.get(flag.value.name) ?? []), flag.value.text])
      else problems.push(flag.problem)
    } else {
      rest.push(word, ...(grammar.stopAtOperand === true ? words : []))
    }
  }

  if (problems.length > 0) throw new ConfigurationError(problems)
  return { flags: Object.fromEntries(flags), rest }
}

/**
 * Takes the flags of the option table, with their values, out of a command line
 * whose other words are somebody else's to read. What stands behind `--` stays.
 */
export function takeOptionFlags(argv: readonly string[]): {
  readonly options: readonly string[]
  readonly rest: readonly string[]
} {
  const known = knownFlags({})
  const options: string[] = []
  const rest: string[] = []
  const words = argv[Symbol.iterator]()
  for (const word of words) {
    const [, name = '', inline] = /^--([^=]+)(=.*)?$/s.exec(word) ?? []
    const kind = known.get(name)
    if (word === '--') rest.push(word, ...words)
    else if (kind === undefined) rest.push(word)
    else {
      const value = kind === 'value' && inline === undefined ? words.next().value : undefined
      options.push(word, ...(value === undefined ? [] : [value]))
    }
  }
  return { options, rest }
}

function readFlag(
  word: string,
  known: ReadonlyMap<string, string>,
  next: () => string | undefined,
): Parsed<{ readonly name: string; readonly text: string }> {
  const [, name = '', inline] = /^--?([^=]*)(?:=(.*))?$/s.exec(word) ?? []
  const kind = known.get(name)
  if (kind === undefined) return unparsable(unknownFlag(name, known.keys()))
  const text = inline ?? (kind === 'value' ? next() : 'true')
  if (text !== undefined) return parsed({ name, text })
  return unparsable(`--${name}: a value is missing: write --${name} VALUE`)
}

/** All spellings of an option's flag, the current one first. */
export function flagNames(option: Option<unknown>): readonly string[] {
  return [option.flag, ...option.flagAliases]
}

function isFlag(word: string): boolean {
  return word.startsWith('-') && word !== '-'
}

function knownFlags(own: Readonly<Record<string, 'switch' | 'value'>>): Map<string, string> {
  const known = new Map<string, string>(Object.entries(own))
  for (const option of allOptions()) {
    const kind = option.type.label === 'bool' ? 'switch' : 'value'
    for (const name of flagNames(option)) known.set(name, kind)
  }
  return known
}

function unknownFlag(name: string, known: Iterable<string>): string {
  const fix = suggestion(name, known, 'see --help')
  return `--${name}: unknown flag: ${fix.replace('mean ', 'mean --')}`
}
