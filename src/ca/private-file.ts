import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ConfigurationError, describeError, errorCode } from '../kernel/error.ts'

const MAX_BYTES = 1024 * 1024

/**
 * Reads a file that must be nobody else's: a private key. The checks are made
 * on the opened file, so that it cannot be exchanged between check and read.
 * Throws ConfigurationError with every problem, each naming file and fix.
 */
export async function readPrivateFile(file: string): Promise<string> {
  return await readChecked(file, constants.O_NOFOLLOW ?? 0, async handle => {
    const status = await handle.stat()
    if (!status.isFile()) return [`${file} is not a regular file: put the key itself there`]
    return [
      ...permissionProblems(file, status.mode),
      ...ownerProblems(file, status.uid),
      ...(status.nlink > 1
        ? [
            `${file} has ${status.nlink} hard links: copy it to a file of its own and remove the others`,
          ]
        : []),
      ...(await directoryProblems(dirname(file))),
    ]
  })
}

/** Reads a certificate file: anybody may read it, and it may be a link. */
export async function readPublicFile(file: string): Promise<string> {
  return await readChecked(file, 0, async handle => {
    const status = await handle.stat()
    return status.isFile() ? [] : [`${file} is not a regular file: put the PEM file itself there`]
  })
}

/**
 * Whoever may write to the directory may exchange what is in it; a sticky bit
 * does not keep them from putting a file there first. An absent directory is
 * no problem yet.
 */
export async function directoryProblems(directory: string): Promise<string[]> {
  const status = await stat(directory).catch(() => undefined)
  if (status === undefined) return []
  if (!status.isDirectory()) return [`${directory} is not a directory: name another one`]
  return [
    ...(hasOwners() && (status.mode & 0o022) !== 0
      ? [
          `${directory} can be written by others (mode ${octal(status.mode)}): chmod go-w ${directory}`,
        ]
      : []),
    ...ownerProblems(directory, status.uid),
  ]
}

async function readChecked(
  file: string,
  flags: number,
  check: (handle: FileHandle) => Promise<string[]>,
): Promise<string> {
  // O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
  const handle = await openForReading(
    file,
    constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | flags,
  )
  try {
    const problems = await check(handle)
    if (problems.length > 0) throw new ConfigurationError(problems)

    const { size } = await handle.stat()
    if (size > MAX_BYTES)
      throw new ConfigurationError([
        `${file} is over 1 MiB: it is no PEM file: name the file that is`,
      ])
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}

async function openForReading(file: string, flags: number): Promise<FileHandle> {
  try {
    return await open(file, flags)
  } catch (error) {
    throw new ConfigurationError([openProblem(file, error)])
  }
}

function openProblem(file: string, error: unknown): string {
  switch (errorCode(error)) {
    case 'ENOENT':
      return `${file} does not exist: name an existing file, or make a CA with \`aibridgeproxyd ca init\``
    case 'ELOOP':
    case 'EMLINK':
      return `${file} is a symbolic link: name the file itself`
    case 'ENXIO':
      return `${file} is not a regular file: put the file itself there`
    case 'EACCES':
      return `${file} cannot be read by this user: chown it to the user that runs the daemon`
    default:
      return `${file} cannot be read: ${describeError(error)}`
  }
}

function permissionProblems(file: string, mode: number): string[] {
  if (!hasOwners() || (mode & 0o077) === 0) return []
  return [`${file} has mode ${octal(mode)}, which lets others read the key: chmod 600 ${file}`]
}

function ownerProblems(file: string, uid: number): string[] {
  const own = process.getuid?.()
  if (own === undefined || uid === own || uid === 0) return []
  return [
    `${file} belongs to user ${uid}: chown it to the user that runs the daemon (${own}), or to root`,
  ]
}

/** Windows has neither modes nor numeric owners. */
function hasOwners(): boolean {
  return process.getuid !== undefined
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0')
}
