import type { Stats } from 'node:fs'
import { chmodSync, closeSync, constants, lstatSync, mkdirSync, openSync, statSync } from 'node:fs'
import { ConfigurationError, describeError, errorCode } from '../kernel/error.ts'

/**
 * Makes sure that the directory exists and is ours alone to change. A directory
 * that we create is 0700. A symbolic link to a directory is followed: systemd's
 * DynamicUser makes `/var/lib/<name>` one.
 * @throws ConfigurationError naming the directory and the fix.
 */
export function secureDirectory(
  directory: string,
  what = 'CODER_AIBRIDGE_PROXY_STATE_DIR: state directory',
): void {
  const stats = attempt(`${what} ${directory} cannot be used`, () => {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    return statSync(directory)
  })
  if (!stats.isDirectory()) refuse(`${what} ${directory} is not a directory`)
  refuseForeignOwner(directory, stats)
  // SECURITY: whoever can write here can swap the database between our look
  // at it and SQLite's open.
  if (hasModes() && (stats.mode & 0o022) !== 0) {
    refuse(`${what} ${directory} is writable by others: chmod 0700 it`)
  }
}

/**
 * Creates the file empty with mode 0600, or judges the one that is there: a
 * plain file of ours, whose bits for group and others are taken away. Called
 * before SQLite opens it, because SQLite creates with the umask's mode and
 * gives `-wal` and `-shm` the mode of the database.
 * @throws ConfigurationError naming the file and the fix.
 */
export function securePrivateFile(file: string): void {
  attempt(`${file} cannot be opened`, () => {
    if (createExclusively(file)) return
    const stats = lstatSync(file)
    if (stats.isSymbolicLink()) {
      refuse(`${file} is a symbolic link: put the file itself there, or choose another directory`)
    }
    if (!stats.isFile()) refuse(`${file} is not a plain file`)
    refuseForeignOwner(file, stats)
    if (hasModes() && (stats.mode & 0o077) !== 0) chmodSync(file, stats.mode & 0o700)
  })
}

function createExclusively(file: string): boolean {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL
  try {
    closeSync(openSync(file, flags, 0o600))
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  }
}

function refuseForeignOwner(path: string, stats: Stats): void {
  const own = process.geteuid?.()
  if (own === undefined || stats.uid === own) return
  refuse(
    `${path} belongs to user id ${stats.uid}, and this process runs as ${own}: ` +
      `run it as its owner (sudo -u '#${stats.uid}' …) or choose another directory`,
  )
}

/** Windows has no owner and no mode bits worth looking at. */
function hasModes(): boolean {
  return process.geteuid !== undefined
}

function attempt<T>(what: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (error instanceof ConfigurationError) throw error
    return refuse(`${what}: ${describeError(error)}`)
  }
}

function refuse(problem: string): never {
  throw new ConfigurationError([problem])
}
