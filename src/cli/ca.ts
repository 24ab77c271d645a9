import { dirname } from 'node:path'
import { replaceFile } from '../ca/atomic-file.ts'
import type { AuthorityFiles } from '../ca/authority.ts'
import type { NewAuthority } from '../ca/create-authority.ts'
import { describeAuthorityFile } from '../ca/describe-authority.ts'
import { authorityFiles, ensureAuthority, replaceAuthority } from '../ca/ensure-authority.ts'
import { forgetRotation, overlapPem } from '../ca/rotation.ts'
import { trustBundle, writeTrustFiles } from '../ca/trust.ts'
import { systemClock } from '../kernel/clock.ts'
import { ConfigurationError } from '../kernel/error.ts'
import {
  type CaContext,
  type CaFlags,
  type CaOptions,
  newAuthority,
  OF_A_NEW_ONE,
  parseCaFlags,
  refuseFlags,
} from './ca-flags.ts'
import { rotate } from './ca-rotate.ts'
import { formatAuthority } from './ca-text.ts'
import type { Output } from './context.ts'

export const CA_USAGE = `Usage:
  aibridgeproxyd ca init [--dir DIR] [--key-type ec|rsa] [--days N]
                         [--hosts HOST,HOST | --unconstrained] [--force]
  aibridgeproxyd ca show [--dir DIR]
  aibridgeproxyd ca bundle [--dir DIR] [--out FILE]
  aibridgeproxyd ca rotate [--key-type ec|rsa] [--days N] [--hosts HOST,HOST | --unconstrained]
  aibridgeproxyd ca rotate --finish

init makes a CA that may sign for the intercepted hosts only; show prints what
clients need to know; bundle joins the system's roots and the CA in one PEM;
rotate makes the next CA for clients to trust, and with --finish lets it sign.`

/** `ca init|show|bundle|rotate`. */
export async function runCa(
  args: readonly string[],
  io: Output,
  options: CaOptions,
): Promise<number> {
  const [command, ...rest] = args
  const action = command === undefined ? undefined : COMMANDS.get(command)
  if (action === undefined) {
    const given = command === undefined ? 'ca needs a command' : `unknown command: ca ${command}`
    throw new ConfigurationError([`${given}\n${CA_USAGE}`])
  }
  await action(parseCaFlags(rest), { io, clock: systemClock, ...options })
  return 0
}

type Command = (flags: CaFlags, context: CaContext) => Promise<void>

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['init', init],
  ['show', show],
  ['bundle', bundle],
  ['rotate', rotate],
])

async function init(flags: CaFlags, context: CaContext): Promise<void> {
  refuseFlags(flags, 'init', ['out', 'finish'])
  const directory = flags.dir ?? context.stateDir
  const request = newAuthority(flags, context)
  const files = await makeAuthority(directory, request, flags.force === true)

  const description = await describeAuthorityFile(files.certFile)
  const { bundleFile } = await writeTrustFiles(directory, description.trustPem)
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

async function show(flags: CaFlags, context: CaContext): Promise<void> {
  refuseFlags(flags, 'show', ['out', 'finish', ...OF_A_NEW_ONE])
  const files = filesFor(flags, context)
  const description = await describeAuthorityFile(files.certFile)
  context.io.stdout.write(formatAuthority(description, files))
  if (description.expiresAt <= context.clock.now()) {
    throw new Error('the CA is expired: make a new one with `aibridgeproxyd ca init --force`')
  }
}

async function bundle(flags: CaFlags, context: CaContext): Promise<void> {
  refuseFlags(flags, 'bundle', ['finish', ...OF_A_NEW_ONE])
  const { certFile } = filesFor(flags, context)
  const { trustPem } = await describeAuthorityFile(certFile)
  const text = trustBundle(trustPem + (await overlapPem(dirname(certFile), context.clock.now())))
  if (flags.out === undefined) context.io.stdout.write(text)
  else await replaceFile(flags.out, text, 0o644)
}

async function makeAuthority(
  directory: string,
  request: NewAuthority,
  force: boolean,
): Promise<AuthorityFiles> {
  if (force) {
    await forgetRotation(directory)
    return await replaceAuthority(directory, request)
  }
  const made = await ensureAuthority(directory, request)
  if (made.created) return made
  throw new ConfigurationError([
    `${made.certFile} exists: --force replaces it, and clients then have to trust the new CA`,
  ])
}

function filesFor(flags: CaFlags, context: CaContext): AuthorityFiles {
  if (flags.dir !== undefined) return authorityFiles(flags.dir)
  return context.ca ?? authorityFiles(context.stateDir)
}
