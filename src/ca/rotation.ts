import { X509Certificate } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigurationError, errorCode } from '../kernel/error.ts'
import { createFile, replaceFile } from './atomic-file.ts'
import { type AuthorityContext, type AuthorityFiles, loadAuthority } from './authority.ts'
import { createAuthority, type NewAuthority } from './create-authority.ts'
import { authorityFiles } from './ensure-authority.ts'
import { pemBlocks } from './pem.ts'
import { readPrivateFile } from './private-file.ts'

/*
 * One CA follows another in two steps, so that no client ever meets one that it
 * does not trust: first the next CA is made and handed out beside the present
 * one, later it signs, and the last one stays trusted until it ends.
 */

/** The CA that will follow the present one. */
export function nextFiles(directory: string): AuthorityFiles {
  return { certFile: join(directory, 'ca-next.pem'), keyFile: join(directory, 'ca-next.key') }
}

function lastFile(directory: string): string {
  return join(directory, 'ca-last.pem')
}

/**
 * Makes the next CA beside the present one; it signs nothing yet. Throws
 * ConfigurationError when there is no CA to follow, or a next one already.
 */
export async function prepareRotation(
  directory: string,
  options: NewAuthority,
): Promise<AuthorityFiles> {
  await readPrivateFile(authorityFiles(directory).keyFile)
  const next = nextFiles(directory)
  const pems = await createAuthority(options)
  try {
    await createFile(next.keyFile, pems.privateKeyPem, 0o600)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    throw new ConfigurationError([
      `${next.certFile} is prepared already: once every client trusts it, \`aibridgeproxyd ca rotate --finish\`; to begin anew, remove ${next.keyFile} and ${next.certFile}`,
    ])
  }
  await replaceFile(next.certFile, pems.certificatePem, 0o644)
  return next
}

/**
 * Puts the next CA in the place of the present one, which stays trusted. What
 * a crash leaves half done is finished by doing it again: the files of the next
 * CA go last. Throws ConfigurationError when the next one cannot be used.
 */
export async function finishRotation(
  directory: string,
  context: AuthorityContext,
): Promise<AuthorityFiles> {
  const [next, present] = [nextFiles(directory), authorityFiles(directory)]
  const nextPem = await readOptional(next.certFile)
  if (nextPem === undefined) {
    throw new ConfigurationError([
      'no next CA is prepared: `aibridgeproxyd ca rotate` makes one, and clients have to trust it first',
    ])
  }
  await loadAuthority(next, context)
  const presentPem = await readOptional(present.certFile)
  if (presentPem !== undefined && presentPem !== nextPem) {
    await replaceFile(lastFile(directory), presentPem, 0o644)
  }
  await replaceFile(present.keyFile, await readPrivateFile(next.keyFile), 0o600)
  await replaceFile(present.certFile, nextPem, 0o644)
  await rm(next.certFile)
  await rm(next.keyFile)
  return present
}

/**
 * The certificates that clients trust besides the present CA's while one
 * follows another, in PEM: the next one and the last one, as long as they last.
 */
export async function overlapPem(directory: string, now: number): Promise<string> {
  const files = [nextFiles(directory).certFile, lastFile(directory)]
  const texts = await Promise.all(files.map(readOptional))
  return texts
    .flatMap(text => pemBlocks(text ?? ''))
    .filter(({ label, text }) => label === 'CERTIFICATE' && lastsBeyond(text, now))
    .map(block => block.text)
    .join('')
}

/** `ca init --force` is for keys that may be stolen: nothing of them stays trusted. */
export async function forgetRotation(directory: string): Promise<void> {
  const { certFile, keyFile } = nextFiles(directory)
  for (const file of [certFile, keyFile, lastFile(directory)]) await rm(file, { force: true })
}

function lastsBeyond(pem: string, now: number): boolean {
  try {
    return new X509Certificate(pem).validToDate.getTime() > now
  } catch {
    return false
  }
}

async function readOptional(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
