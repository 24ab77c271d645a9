import type { Flags } from './flags.ts'
import { flagNames } from './flags.ts'
import type { Option, Surroundings } from './option.ts'
import { OPTIONS, type Values } from './options.ts'
import { type ReadFile, readSecretFile } from './read-file.ts'
import type { Report } from './report.ts'
import { type Found, type YamlFile, yamlNames } from './yaml-file.ts'

type Source = 'flag' | 'env' | 'yaml' | 'default'

/** One option with its value and where that came from. */
export interface ResolvedValue {
  readonly option: Option<unknown>
  readonly value: unknown
  /** The value as it may be shown; empty where there is none. */
  readonly text: string
  readonly source: Source
  /** `--flag`, the variable, `file:line key`; empty for defaults. */
  readonly origin: string
}

export interface Sources extends Surroundings {
  readonly flags: Flags
  readonly yaml: YamlFile
  readonly readFile: ReadFile
}

export interface Resolved {
  readonly values: Values
  readonly list: readonly ResolvedValue[]
}

/** Gives every option its value: flag, else variable, else YAML, else default. */
export function resolveAll(sources: Sources, report: Report): Resolved {
  const list: ResolvedValue[] = []
  const values = mapTable(option => {
    const resolved = resolveOption(option, sources, report)
    list.push(resolved)
    return resolved.value
  })
  return { values, list }
}

/** The table with each option replaced by a value; the parsers vouch for types. */
function mapTable(valueOf: (option: Option<unknown>) => unknown): Values
function mapTable(valueOf: (option: Option<unknown>) => unknown): unknown {
  return Object.fromEntries(
    Object.entries(OPTIONS).map(([name, group]) => [
      name,
      Object.fromEntries(
        Object.entries<Option<unknown>>(group).map(([key, option]) => [key, valueOf(option)]),
      ),
    ]),
  )
}

/** One option; a problem leaves it at its default so that others are judged. */
export function resolveOption(
  option: Option<unknown>,
  sources: Sources,
  report: Report,
): ResolvedValue {
  const levels: readonly [Source, readonly Found[]][] = [
    ['flag', fromFlags(option, sources.flags)],
    ['env', fromEnvironment(option, sources, report)],
    ['yaml', fromYaml(option, sources.yaml)],
  ]
  for (const [, spellings] of levels) refuseContradiction(spellings, report)
  for (const [source, [found]] of levels) {
    if (found === undefined) continue
    const result = option.type.parse(found.text)
    if (result.ok) {
      const text = option.type.format(result.value)
      return { option, value: result.value, text, source, origin: found.origin }
    }
    report.problems.push(`${found.origin}: ${result.problem}`)
    break
  }
  const value = option.defaultValue(sources)
  const text = value === undefined ? '' : option.type.format(value)
  return { option, value, text, source: 'default', origin: '' }
}

function fromFlags(option: Option<unknown>, flags: Flags): Found[] {
  return flagNames(option).flatMap(name => {
    const given = Object.hasOwn(flags, name) ? flags[name] : undefined
    if (given === undefined) return []
    const texts = typeof given === 'object' ? given : [String(given)]
    const text = option.type.list ? texts.join(',') : texts.at(-1)
    return text === undefined ? [] : [{ text, origin: `--${name}` }]
  })
}

function fromEnvironment(option: Option<unknown>, sources: Sources, report: Report): Found[] {
  const found: Found[] = []
  for (const name of [option.env, ...option.envAliases]) {
    const text = sources.env[name] ?? ''
    // Coder takes an empty variable for an absent one.
    if (text !== '') found.push({ text, origin: name })
    const path = option.secret ? (sources.env[`${name}_FILE`] ?? '') : ''
    if (path === '') continue
    const content = readSecretFile(path, `${name}_FILE`, { ...sources, report })
    if (content !== undefined) found.push(content)
  }
  return found
}

function fromYaml(option: Option<unknown>, yaml: YamlFile): Found[] {
  return yamlNames(option).flatMap(name => yaml.values.get(name) ?? [])
}

/** Two spellings of one option must agree; the values may be secret. */
function refuseContradiction(spellings: readonly Found[], report: Report): void {
  const [first, ...others] = spellings
  const other = others.find(found => found.text !== first?.text)
  if (first === undefined || other === undefined) return
  report.problems.push(
    `${first.origin} and ${other.origin} set the same option to different values: remove one`,
  )
}
