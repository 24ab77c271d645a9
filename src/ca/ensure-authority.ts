import { access, constants, mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ConfigurationError, describeError } from '../kernel/error.ts'
import { createFile, replaceFile } from './atomic-file.ts'
import type { AuthorityFiles } from './authority.ts'
import { createAuthority, type NewAuthority } from './create-authority.ts'
import { directoryProblems } from './private-file.ts'

const POLL_MS = 20
const POLLS = 250

/** Where a CA of our own lives in the state directory. */
export function authorityFiles(directory: string): AuthorityFiles {
  return { certFile: join(directory, 'ca.pem'), keyFile: join(directory, 'ca.key') }
}

/**
 * Makes a CA in `directory` unless one is there; never overwrites. Several
 * daemons may start at once: the key file decides who made it, and the others
 * wait for its certificate. Throws ConfigurationError for a directory that
 * others can write to, and for a key without certificate or the reverse.
 */
export async function ensureAuthority(
  directory: string,
  options: NewAuthority,
): Promise<AuthorityFiles & { readonly created: boolean }> {
  const files = authorityFiles(directory)
  await prepareDirectory(directory)

  const hasKey = await exists(files.keyFile)
  if (!hasKey && !(await exists(files.certFile))) {
    const pems = await createAuthority(options)
    if (await createOnce(files.keyFile, pems.privateKeyPem)) {
      await replaceFile(files.certFile, pems.certificatePem, 0o644)
      return { ...files, created: true }
    }
  }
  await waitForPair(files)
  return { ...files, created: false }
}

/** Makes a CA in place of whatever is there: `ca init --force`. */
export async function replaceAuthority(
  directory: string,
  options: NewAuthority,
): Promise<AuthorityFiles> {
  const files = authorityFiles(directory)
  await prepareDirectory(directory)
  const pems = await createAuthority(options)
  await replaceFile(files.keyFile, pems.privateKeyPem, 0o600)
  await replaceFile(files.certFile, pems.certificatePem, 0o644)
  return files
}

async function prepareDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await access(directory, constants.W_OK)
  } catch (error) {
    throw new ConfigurationError([
      `${directory} cannot be written to (${describeError(error)}): name another state directory or mend its owner`,
    ])
  }
  const problems = await directoryProblems(directory)
  if (problems.length > 0) throw new ConfigurationError(problems)
}

async function createOnce(file: string, text: string): Promise<boolean> {
  try {
    await createFile(file, text, 0o600)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

/** The certificate follows its key at once, unless its maker died in between. */
async function waitForPair(files: AuthorityFiles): Promise<void> {
  if (!(await exists(files.keyFile))) throw halfPair(files.certFile, files.keyFile)
  for (let poll = 0; poll < POLLS; poll++) {
    if (await exists(files.certFile)) return
    await delay(POLL_MS)
  }
  throw halfPair(files.keyFile, files.certFile)
}

function halfPair(present: string, absent: string): ConfigurationError {
  return new ConfigurationError([
    `${present} exists but ${absent} does not: put the missing file back, or make a new CA with \`aibridgeproxyd ca init --force\``,
  ])
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined
}
