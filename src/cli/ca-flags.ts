import { parseArgs } from 'node:util'
import type { AuthorityFiles } from '../ca/authority.ts'
import { DEFAULT_AUTHORITY_DAYS, type NewAuthority } from '../ca/create-authority.ts'
import { hostForm } from '../ca/host-form.ts'
import type { Clock } from '../kernel/clock.ts'
import { ConfigurationError, describeError } from '../kernel/error.ts'
import type { Output } from './context.ts'

const MAX_DAYS = 3650

export interface CaOptions {
  readonly stateDir: string
  /** The intercepted hosts of the configuration. */
  readonly hosts: readonly string[]
  /** The operator's own CA files; without them the state directory's are meant. */
  readonly ca: AuthorityFiles | undefined
  readonly clock?: Clock
}

/** What every `ca` command is given. */
export interface CaContext extends CaOptions {
  readonly io: Output
  readonly clock: Clock
}

const FLAGS = {
  dir: { type: 'string' },
  'key-type': { type: 'string' },
  days: { type: 'string' },
  hosts: { type: 'string' },
  unconstrained: { type: 'boolean' },
  force: { type: 'boolean' },
  out: { type: 'string' },
  finish: { type: 'boolean' },
} as const

/** Flags that say what a new CA is to be. */
export const OF_A_NEW_ONE = ['key-type', 'days', 'hosts', 'unconstrained', 'force'] as const

type Parsed = ReturnType<typeof parseArgs<{ options: typeof FLAGS; strict: true }>>

export type CaFlags = Parsed['values']

export function parseCaFlags(args: readonly string[]): CaFlags {
  try {
    return parseArgs({ args: [...args], options: FLAGS, strict: true }).values
  } catch (error) {
    throw new ConfigurationError([`${describeError(error)}\nsee aibridgeproxyd ca --help`])
  }
}

export function refuseFlags(
  flags: CaFlags,
  command: string,
  unused: readonly (keyof CaFlags)[],
): void {
  const given = unused.filter(name => flags[name] !== undefined)
  if (given.length === 0) return
  throw new ConfigurationError(given.map(name => `ca ${command} does not take --${name}`))
}

/** The CA that the flags ask for: for the configuration's hosts unless they name others. */
export function newAuthority(flags: CaFlags, context: CaContext): NewAuthority {
  const keyType = flags['key-type'] ?? 'ec'
  const days = flags.days ?? String(DEFAULT_AUTHORITY_DAYS)
  const hosts = flags.hosts?.toLowerCase().split(',') ?? context.hosts

  const problems = flags.unconstrained === true ? unconstrainedProblems(flags) : hostProblems(hosts)
  if (keyType !== 'ec' && keyType !== 'rsa') problems.push('--key-type must be ec or rsa')
  if (!/^[1-9][0-9]{0,3}$/.test(days) || Number(days) > MAX_DAYS) {
    problems.push(`--days must be a whole number from 1 to ${MAX_DAYS}`)
  }
  if (problems.length > 0) throw new ConfigurationError(problems)

  return {
    hosts,
    unconstrained: flags.unconstrained === true,
    keyType: keyType === 'rsa' ? 'rsa' : 'ec',
    lifetimeDays: Number(days),
    now: context.clock.now(),
  }
}

function unconstrainedProblems(flags: CaFlags): string[] {
  if (flags.hosts === undefined) return []
  return ['--hosts and --unconstrained exclude each other: give one of them']
}

function hostProblems(hosts: readonly string[]): string[] {
  if (hosts.length === 0) {
    return ['no host is intercepted: configure a provider, or give --hosts or --unconstrained']
  }
  return hosts.flatMap(hostProblem)
}

function hostProblem(host: string): string[] {
  try {
    hostForm(host)
    return []
  } catch (error) {
    return [`--hosts: ${describeError(error)}`]
  }
}
