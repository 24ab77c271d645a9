import { parseArgs } from 'node:util'
import { replaceFile } from '../ca/atomic-file.ts'
import type { AuthorityFiles } from '../ca/authority.ts'
import { DEFAULT_AUTHORITY_DAYS, type NewAuthority } from '../ca/create-authority.ts'
import { describeAuthorityFile } from '../ca/describe-authority.ts'
import { authorityFiles, ensureAuthority, replaceAuthority } from '../ca/ensure-authority.ts'
import { hostForm } from '../ca/host-form.ts'
import { trustBundle, writeTrustFiles } from '../ca/trust.ts'
import { type Clock, systemClock } from '../kernel/clock.ts'
import { ConfigurationError, describeError } from '../kernel/error.ts'
import { formatAuthority } from './ca-text.ts'

export const CA_USAGE = `Usage:
  aibridgeproxyd ca init [--dir DIR] [--key-type ec|rsa] [--days N]
                         [--hosts HOST,HOST | --unconstrained] [--force]
  aibridgeproxyd ca show [--dir DIR]
  aibridgeproxyd ca bundle [--dir DIR] [--out FILE]

init makes a CA that may sign for the intercepted hosts only; show prints what
clients need to know; bundle joins the system's roots and the CA in one PEM.`

const MAX_DAYS = 3650

export interface CaIo {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
}

export interface CaOptions {
  readonly stateDir: string
  /** The intercepted hosts of the configuration. */
  readonly hosts: readonly string[]
  /** The operator's own CA files; without them the state directory's are meant. */
  readonly ca: AuthorityFiles | undefined
  readonly clock?: Clock
}

/**
 * `ca init|show|bundle`.
 * @returns the exit code: 0 done, 1 failed, 2 usage or configuration error.
 */
export async function runCa(
  args: readonly string[],
  io: CaIo,
  options: CaOptions,
): Promise<number> {
  try {
    const [command, ...rest] = args
    if (command === '--help' || command === '-h') {
      io.stdout.write(`${CA_USAGE}\n`)
      return 0
    }
    const action = command === undefined ? undefined : COMMANDS.get(command)
    if (action === undefined) {
      const given = command === undefined ? 'ca needs a command' : `unknown command: ca ${command}`
      throw new ConfigurationError([`${given}\n${CA_USAGE}`])
    }
    await action(parse(rest), { io, clock: systemClock, ...options })
    return 0
  } catch (error) {
    io.stderr.write(`${describeError(error)}\n`)
    return error instanceof ConfigurationError ? 2 : 1
  }
}

interface Context extends CaOptions {
  readonly io: CaIo
  readonly clock: Clock
}

type Command = (flags: Flags, context: Context) => Promise<void>

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['init', init],
  ['show', show],
  ['bundle', bundle],
])

async function init(flags: Flags, context: Context): Promise<void> {
  refuseFlags(flags, 'init', ['out'])
  const directory = flags.dir ?? context.stateDir
  const request = newAuthority(flags, context)
  const files = await makeAuthority(directory, request, flags.force === true)

  const description = await describeAuthorityFile(files.certFile)
  const { bundleFile } = await writeTrustFiles(directory, {
    certFile: files.certFile,
    trustPem: description.trustPem,
  })
  context.io.stdout.write(formatAuthority(description, { ...files, bundleFile }))
  if (context.ca !== undefined && flags.dir === undefined) {
    context.io.stderr.write(
      `the configuration names another CA, ${context.ca.certFile}: this one is not used\n`,
    )
  }
  if (flags.force === true) {
    context.io.stderr.write('clients must trust the new CA; a running daemon must be reloaded\n')
  }
}

async function show(flags: Flags, context: Context): Promise<void> {
  refuseFlags(flags, 'show', ['out', 'key-type', 'days', 'hosts', 'unconstrained', 'force'])
  const files = filesFor(flags, context)
  const description = await describeAuthorityFile(files.certFile)
  context.io.stdout.write(formatAuthority(description, files))
  if (description.expiresAt <= context.clock.now()) {
    throw new Error('the CA is expired: make a new one with `aibridgeproxyd ca init --force`')
  }
}

async function bundle(flags: Flags, context: Context): Promise<void> {
  refuseFlags(flags, 'bundle', ['key-type', 'days', 'hosts', 'unconstrained', 'force'])
  const { trustPem } = await describeAuthorityFile(filesFor(flags, context).certFile)
  const text = trustBundle(trustPem)
  if (flags.out === undefined) context.io.stdout.write(text)
  else await replaceFile(flags.out, text, 0o644)
}

async function makeAuthority(
  directory: string,
  request: NewAuthority,
  force: boolean,
): Promise<AuthorityFiles> {
  if (force) return await replaceAuthority(directory, request)
  const made = await ensureAuthority(directory, request)
  if (made.created) return made
  throw new ConfigurationError([
    `${made.certFile} exists: --force replaces it, and clients then have to trust the new CA`,
  ])
}

function newAuthority(flags: Flags, context: Context): NewAuthority {
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

function unconstrainedProblems(flags: Flags): string[] {
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

function filesFor(flags: Flags, context: Context): AuthorityFiles {
  if (flags.dir !== undefined) return authorityFiles(flags.dir)
  return context.ca ?? authorityFiles(context.stateDir)
}

const FLAGS = {
  dir: { type: 'string' },
  'key-type': { type: 'string' },
  days: { type: 'string' },
  hosts: { type: 'string' },
  unconstrained: { type: 'boolean' },
  force: { type: 'boolean' },
  out: { type: 'string' },
} as const

type Flags = ReturnType<typeof parse>

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, strict: true }).values
  } catch (error) {
    throw new ConfigurationError([`${describeError(error)}\n${CA_USAGE}`])
  }
}

function refuseFlags(flags: Flags, command: string, unused: readonly (keyof Flags)[]): void {
  const given = unused.filter(name => flags[name] !== undefined)
  if (given.length === 0) return
  throw new ConfigurationError(given.map(name => `ca ${command} does not take --${name}`))
}
