import { ConfigurationError } from '../kernel/error.ts'
import type { ProviderType } from '../kernel/provider.ts'
import { buildSettings } from './build-settings.ts'
import { refuseContradictions } from './contradictions.ts'
import { withCredentials } from './credentials-directory.ts'
import { remoteWarnings } from './deployment.ts'
import { unknownVariables } from './environment.ts'
import type { Flags } from './flags.ts'
import { OPTIONS } from './options.ts'
import { type LoadedProvider, loadProviders } from './providers/load.ts'
import { type ReadFile, readFile as readRegularFile, unreadable } from './read-file.ts'
import type { Report } from './report.ts'
import { type ResolvedValue, resolveAll, resolveOption, type Sources } from './resolve.ts'
import type { Settings } from './settings.ts'
import { NO_YAML, readYaml, type YamlFile } from './yaml-file.ts'

export interface LoadInput {
  /** From `parseFlags`; names that are no options are left alone. */
  readonly flags: Flags
  readonly env: Readonly<Record<string, string | undefined>>
  /** The registry of the bridge. */
  readonly types: readonly ProviderType[]
  /** The home directory of the user, for the default state directory. */
  readonly home: string
  /** Reads a file as text; throws when it cannot. */
  readonly readFile?: ReadFile
}

export interface Loaded {
  readonly settings: Settings
  /** Every option in the order of the table. */
  readonly values: readonly ResolvedValue[]
  readonly providers: readonly LoadedProvider[]
  /** What an operator should see at the start, although it does not stop it. */
  readonly warnings: readonly string[]
}

/**
 * Reads, parses and judges the whole configuration. Throws one
 * `ConfigurationError` with every problem; nothing in it shows a secret.
 */
export function loadConfig(input: LoadInput): Loaded {
  const readFile = input.readFile ?? readRegularFile
  const report: Report = { problems: [], warnings: [] }
  const { flags, home } = input
  const env = withCredentials(input.env)

  const yaml = readConfigFile({ flags, env, home, yaml: NO_YAML, readFile }, report)
  const resolved = resolveAll({ flags, env, home, yaml, readFile }, report)
  refuseContradictions(resolved.values, report)
  const sources = { env, yaml, types: input.types, readFile }
  const providers = loadProviders(sources, resolved, report)
  const settings = buildSettings(
    resolved.values,
    providers.map(provider => provider.settings),
    { readFile, report },
  )
  if (report.problems.length > 0) throw new ConfigurationError([...new Set(report.problems)])

  const warnings = [
    ...report.warnings,
    ...remoteWarnings(settings),
    ...resolved.list.flatMap(warningAbout),
    ...unknownVariables(env),
  ]
  return { settings, values: resolved.list, providers, warnings: [...new Set(warnings)] }
}

/** The file that the flag or the variable names; it cannot name itself. */
function readConfigFile(sources: Sources, report: Report): YamlFile {
  // Problems with the option itself are told when all options are resolved.
  const quiet: Report = { problems: [], warnings: [] }
  const { value, origin } = resolveOption(OPTIONS.general.configPath, sources, quiet)
  if (typeof value !== 'string') return NO_YAML
  try {
    const yaml = readYaml(sources.readFile(value), value)
    report.problems.push(...yaml.problems)
    return yaml
  } catch (error) {
    report.problems.push(unreadable(origin, value, error))
    return NO_YAML
  }
}

function warningAbout({ option, source, origin }: ResolvedValue): string[] {
  if (option.secret && source === 'flag') {
    return [
      `${origin}: everybody on this machine can read it in the process list: use ${option.env}_FILE`,
    ]
  }
  if (source === 'default' || option.effect === 'yes') return []
  if (option.effect === 'ignored') return [`${origin}: ignored: ${option.description}`]
  return [`${origin}: "${option.name}" is accepted but has no effect yet`]
}
