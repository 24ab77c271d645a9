import { createPrivateKey } from 'node:crypto'
import { access, constants, mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ConfigurationError, describeError, errorCode } from '../kernel/error.ts'
import { createFile, replaceFile } from './atomic-file.ts'
import type { AuthorityFiles } from './authority.ts'
import { createAuthority, type NewAuthority } from './create-authority.ts'
import { directoryProblems, readPrivateFile } from './private-file.ts'

const POLL_MS = 20
const POLLS = 100

/** Where a CA of our own lives in the state directory. */
export function authorityFiles(directory: string): AuthorityFiles {
  return { certFile: join(directory, 'ca.pem'), keyFile: join(directory, 'ca.key') }
}

/**
 * Makes a CA in `directory` unless one is there; never overwrites. Several
 * daemons may start at once: the key file decides who made it, and the others
 * wait for its certificate. A maker that died in between left a key whose
 * certificate nobody has seen: it is made now. Throws ConfigurationError for a
 * directory that others can write to, and for a certificate without its key.
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
    if (await createOnce(files.keyFile, pems.privateKeyPem, 0o600)) {
      await replaceFile(files.certFile, pems.certificatePem, 0o644)
      return { ...files, created: true }
    }
  }
  const created = !(await isWhole(files)) && (await finishPair(files, options))
  return { ...files, created }
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
      `${directory} cannot be written to (${describeError(error)}): name another one (CODER_AIBRIDGE_PROXY_STATE_DIR), or mend its owner`,
    ])
  }
  const problems = await directoryProblems(directory)
  if (problems.length > 0) throw new ConfigurationError(problems)
}

async function createOnce(file: string, text: string, mode: number): Promise<boolean> {
  try {
    await createFile(file, text, mode)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  }
}

/** Whether the pair is there; the certificate follows its key at once. */
async function isWhole(files: AuthorityFiles): Promise<boolean> {
  if (!(await exists(files.keyFile))) {
    throw new ConfigurationError([
      `${files.certFile} exists but ${files.keyFile} does not: put the missing file back, or make a new CA with \`aibridgeproxyd ca init --force\``,
    ])
  }
  for (let poll = 0; poll < POLLS; poll++) {
    if (await exists(files.certFile)) return true
    await delay(POLL_MS)
  }
  return false
}

async function finishPair(files: AuthorityFiles, options: NewAuthority): Promise<boolean> {
  const key = createPrivateKey(await readPrivateFile(files.keyFile))
  const { certificatePem } = await createAuthority(options, key)
  return await createOnce(files.certFile, certificatePem, 0o644)
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined
}
